/*
 * Signature Version 4: HMAC-SHA256 over "algorithm, time, scope, hash of the canonical request",
 * with a key that is itself a chain of HMACs over day, region and service. What is canonical stands
 * in sigv4-canonical.c.
 */

#include "common/net/sigv4.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/io.h"
#include "common/net/credentials.h"
#include "common/net/sigv4-canonical.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define HASH_SIZE 32
#define DAY_SIZE 8 /* "20261124" */
#define SCOPE_END "/aws4_request"
#define SCOPE_MAX 256  /* without its end */
#define NAMES_MAX 4096 /* of all signed headers */
#define LINES 4        /* of the string to sign */
#define KEY_PREFIX "AWS4"
#define SECRET_KEY_MAX 1024

void sigv4_key_done(struct sigv4_key *key)
{
	explicit_bzero(key, sizeof(*key));
}

void sigv4_signature_done(struct sigv4_signature *signature)
{
	free(signature->authorization);
	*signature = (struct sigv4_signature){};
}

static void to_hex(const unsigned char hash[HASH_SIZE], char ret[2 * HASH_SIZE + 1])
{
	for (size_t i = 0; i < HASH_SIZE; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

static int sha256(const void *data, size_t size, unsigned char ret[HASH_SIZE])
{
	return EVP_Digest(data, size, ret, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

static int hmac(const void *key, int key_size, const char *text, unsigned char ret[HASH_SIZE])
{
	unsigned char hash[EVP_MAX_MD_SIZE]; /* ret may be the key */

	if (!HMAC(EVP_sha256(), key, key_size, (const unsigned char *)text, strlen(text), hash,
		  NULL))
		return -EIO;
	memcpy(ret, hash, HASH_SIZE);
	explicit_bzero(hash, sizeof(hash));
	return 0;
}

/* --- the key --------------------------------------------------------------------------------- */

static int derive(const struct sigv4_scope *scope, const char *day, unsigned char ret[HASH_SIZE])
{
	const struct secret *secret = &scope->credentials->secret_key;
	char key[sizeof(KEY_PREFIX) + SECRET_KEY_MAX];
	int r, size;

	size = snprintf(key, sizeof(key), KEY_PREFIX "%s", secret_reveal(secret));
	if (size >= (int)sizeof(key))
		size = 0;
	r = size == 0 ? -EINVAL : hmac(key, size, day, ret);
	explicit_bzero(key, sizeof(key));

	if (r >= 0)
		r = hmac(ret, HASH_SIZE, scope->region, ret);
	if (r >= 0)
		r = hmac(ret, HASH_SIZE, scope->service, ret);
	if (r >= 0)
		r = hmac(ret, HASH_SIZE, "aws4_request", ret);
	return r;
}

/* The secret keys the hash, so that what is kept of it tells nothing. */
static int fingerprint(const struct sigv4_scope *scope, const char *day,
		       unsigned char ret[HASH_SIZE])
{
	const struct secret *secret = &scope->credentials->secret_key;
	char text[SCOPE_MAX];

	if (snprintf(text, sizeof(text), "%s/%s/%s", day, scope->region, scope->service) >=
	    (int)sizeof(text))
		return -EINVAL;
	return hmac(secret_reveal(secret), (int)secret->size, text, ret);
}

static int find_key(const struct sigv4_scope *scope, const char *day, struct sigv4_key *key)
{
	unsigned char made_of[HASH_SIZE];
	int r = fingerprint(scope, day, made_of);

	if (r < 0)
		return r;
	if (key->derived && memcmp(key->made_of, made_of, HASH_SIZE) == 0)
		return 0;

	sigv4_key_done(key);
	r = derive(scope, day, key->key);
	if (r < 0)
		return r;
	memcpy(key->made_of, made_of, HASH_SIZE);
	key->derived = true;
	return 0;
}

/* --- the signature --------------------------------------------------------------------------- */

static int format_date(uint64_t now_ms, char ret[SIGV4_DATE_MAX])
{
	time_t seconds = (time_t)(now_ms / MSEC_PER_SEC);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || tm.tm_year + 1900 > 9999)
		return -EINVAL;
	(void)strftime(ret, SIGV4_DATE_MAX, "%Y%m%dT%H%M%SZ", &tm);
	return 0;
}

static int hash_payload(const struct sigv4_request *request, const struct sigv4_scope *scope,
			char ret[SIGV4_HASH_MAX])
{
	unsigned char hash[HASH_SIZE];
	int r;

	if (scope->payload_hash)
		return str_copy(ret, SIGV4_HASH_MAX, scope->payload_hash) < 0 ? -EINVAL : 0;
	r = sha256(request->body_size > 0 ? request->body : "", request->body_size, hash);
	if (r < 0)
		return r;
	to_hex(hash, ret);
	return 0;
}

/* HMAC of the string to sign. */
static int make_signature(const unsigned char request_hash[HASH_SIZE], const char *date,
			  const char *scope_text, const struct sigv4_key *key,
			  char ret[2 * HASH_SIZE + 1])
{
	char text[sizeof(ALGORITHM SCOPE_END) + SIGV4_DATE_MAX + SCOPE_MAX + SIGV4_HASH_MAX +
		  LINES];
	char hex[2 * HASH_SIZE + 1];
	unsigned char hash[HASH_SIZE];
	int r;

	to_hex(request_hash, hex);
	(void)snprintf(text, sizeof(text), ALGORITHM "\n%s\n%s\n%s", date, scope_text, hex);
	r = hmac(key->key, HASH_SIZE, text, hash);
	if (r >= 0)
		to_hex(hash, ret);
	return r;
}

static int check(const struct sigv4_request *request, const struct sigv4_scope *scope)
{
	const struct credentials *credentials = scope->credentials;

	if (credentials->key_id[0] == '\0' || credentials->secret_key.size == 0 ||
	    credentials->secret_key.size > SECRET_KEY_MAX ||
	    strlen(secret_reveal(&credentials->secret_key)) != credentials->secret_key.size)
		return -EINVAL;
	if (scope->region[0] == '\0' || scope->service[0] == '\0' || request->host[0] == '\0')
		return -EINVAL;
	return 0;
}

/* Fills the signature but for Authorization. */
static int prepare(const struct sigv4_request *request, const struct sigv4_scope *scope,
		   struct sigv4_signature *signature, char payload_hash[SIGV4_HASH_MAX],
		   struct sigv4_canonical *canonical)
{
	int r = check(request, scope);

	if (r >= 0)
		r = format_date(scope->now_ms, signature->date);
	if (r >= 0)
		r = hash_payload(request, scope, payload_hash);
	if (r < 0)
		return r;
	if (scope->content_sha256)
		memcpy(signature->content_sha256, payload_hash, SIGV4_HASH_MAX);
	return sigv4_canonical_headers(request, signature->date, signature->content_sha256,
				       secret_reveal(&scope->credentials->session_token),
				       canonical);
}

int sigv4_sign(const struct sigv4_request *request, const struct sigv4_scope *scope,
	       struct sigv4_key *key, struct sigv4_signature *ret)
{
	_cleanup_sigv4_key_ struct sigv4_key own = {};
	_cleanup_sigv4_signature_ struct sigv4_signature signature = {};
	_cleanup_buf_ struct buf names;
	struct sigv4_canonical canonical;
	char payload_hash[SIGV4_HASH_MAX], day[DAY_SIZE + 1],
		scope_text[SCOPE_MAX + sizeof(SCOPE_END)];
	char hex[2 * HASH_SIZE + 1];
	unsigned char hash[HASH_SIZE];
	int r;

	buf_init(&names, NAMES_MAX);
	r = prepare(request, scope, &signature, payload_hash, &canonical);
	if (r < 0)
		return r;
	if (!key)
		key = &own;
	(void)snprintf(day, sizeof(day), "%.8s", signature.date);
	r = find_key(scope, day, key);
	if (r < 0)
		return r;
	(void)snprintf(scope_text, sizeof(scope_text), "%s/%s/%s" SCOPE_END, day, scope->region,
		       scope->service);

	r = sigv4_canonical_names(&canonical, &names);
	if (r < 0)
		return r == -ENOBUFS ? -E2BIG : r;
	r = sigv4_canonical_hash(request, scope->path_as_sent, &canonical, buf_text(&names),
				 payload_hash, hash);
	if (r >= 0)
		r = make_signature(hash, signature.date, scope_text, key, hex);
	if (r < 0)
		return r;

	signature.authorization =
		str_format(ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
			   scope->credentials->key_id, scope_text, buf_text(&names), hex);
	if (!signature.authorization)
		return -ENOMEM;
	*ret = signature;
	signature = (struct sigv4_signature){};
	return 0;
}
