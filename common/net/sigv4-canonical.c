/*
 * The canonical request: method, path, query, headers, names of the signed headers, hash of the
 * body, a line each. Whatever two programs might write differently without a change of meaning is
 * brought into one form: percent-encoding, the order of parameters and headers, blanks.
 */

#include "common/net/sigv4-canonical.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

/* Not signed because somebody on the way may change, add or drop it; or added by the signer. */
static const char *const unsigned_names[] = {
	"authorization",        "connection",        "expect",     "host",
	"user-agent",           "x-amzn-trace-id",   "x-amz-date", "x-amz-content-sha256",
	"x-amz-security-token", "transfer-encoding",
};

/* --- writing into a hash --------------------------------------------------------------------- */

DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)

struct sink {
	EVP_MD_CTX *context;
	bool failed;
};

static void put(struct sink *sink, const void *data, size_t size)
{
	if (size > 0 && EVP_DigestUpdate(sink->context, data, size) != 1)
		sink->failed = true;
}

static void put_text(struct sink *sink, const char *text)
{
	put(sink, text, strlen(text));
}

/* --- percent-encoding ------------------------------------------------------------------------ */

static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_unreserved(char c)
{
	return is_alphanumeric(c) || (c != '\0' && strchr("-._~", c));
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

static bool is_escape(const char *text, size_t size)
{
	return size >= 3 && text[0] == '%' && is_hex(text[1]) && is_hex(text[2]);
}

/* Writes at to, which has room for three times the size, and returns the end. keep is one more
 * character that stands for itself; escapes keeps what is encoded already. */
static char *encode(char *to, const char *text, size_t size, char keep, bool escapes)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (is_unreserved(text[i]) || text[i] == keep ||
		    (escapes && is_escape(text + i, size - i))) {
			*to++ = text[i];
			continue;
		}
		*to++ = '%';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	return to;
}

/* --- path ------------------------------------------------------------------------------------ */

/* Resolves "." and "..", and drops empty parts: RFC 3986, 5.2.4. Writes at to, which has room for
 * the size and one more. */
static size_t normalise_path(char *to, const char *path, size_t size)
{
	const char *at = path, *end = path + size;
	size_t used = 0;
	bool directory = false; /* the last part was one, so a '/' stands at the end */

	while (at < end) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		size_t part = (size_t)((slash ? slash : end) - at);

		directory = slash || part == 0;
		if (part == 2 && memcmp(at, "..", 2) == 0) {
			while (used > 0 && to[--used] != '/')
				;
		} else if (part > 0 && !(part == 1 && *at == '.')) {
			to[used++] = '/';
			memcpy(to + used, at, part);
			used += part;
		}
		at += part + (slash != NULL);
	}
	if (directory || used == 0)
		to[used++] = '/';
	return used;
}

static int put_path(struct sink *sink, const struct sigv4_request *request, bool as_sent)
{
	size_t size = request->path_size;
	_cleanup_free_ char *path = malloc(size + 2);
	_cleanup_free_ char *encoded = calloc(size + 2, 3);
	const char *end;

	if (!path || !encoded)
		return -ENOMEM;
	if (size == 0) {
		put_text(sink, "/");
		return 0;
	}

	if (as_sent)
		memcpy(path, request->path, size);
	else
		size = normalise_path(path, request->path, size);
	end = encode(encoded, path, size, '/', as_sent);
	put(sink, encoded, (size_t)(end - encoded));
	return 0;
}

/* --- query ----------------------------------------------------------------------------------- */

struct parameter {
	const char *name, *value; /* encoded */
};

static int compare_parameters(const void *left, const void *right)
{
	const struct parameter *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : strcmp(a->value, b->value);
}

/* Takes the query apart; the texts go to encoded, which has room for all. */
static int split_query(const char *query, char *encoded, struct parameter *parameters, size_t *ret)
{
	size_t n = 0;

	while (*query) {
		size_t size = strcspn(query, "&"), name = strcspn(query, "=&");
		bool has_value = name < size;

		if (n == SIGV4_QUERY_MAX)
			return -E2BIG;
		parameters[n].name = encoded;
		encoded = encode(encoded, query, name, '\0', true);
		*encoded++ = '\0';
		parameters[n].value = encoded;
		if (has_value)
			encoded = encode(encoded, query + name + 1, size - name - 1, '\0', true);
		*encoded++ = '\0';
		n += size > 0;
		query += size + (query[size] == '&');
	}
	*ret = n;
	return 0;
}

static int put_query(struct sink *sink, const char *query)
{
	struct parameter parameters[SIGV4_QUERY_MAX];
	_cleanup_free_ char *encoded = NULL;
	size_t n = 0;
	int r;

	if (!query || *query == '\0')
		return 0;
	/* Three bytes for one, and two NULs for each '&' and the end. */
	encoded = calloc(strlen(query) + 1, 3);
	if (!encoded)
		return -ENOMEM;
	r = split_query(query, encoded, parameters, &n);
	if (r < 0)
		return r;

	qsort(parameters, n, sizeof(*parameters), compare_parameters);
	for (size_t i = 0; i < n; i++) {
		put_text(sink, i > 0 ? "&" : "");
		put_text(sink, parameters[i].name);
		put_text(sink, "=");
		put_text(sink, parameters[i].value);
	}
	return 0;
}

/* --- headers --------------------------------------------------------------------------------- */

static char to_lower(char c)
{
	if (c < 'A' || c > 'Z')
		return c;
	return (char)(c - 'A' + 'a');
}

static int compare_names(const struct sigv4_header *a, const struct sigv4_header *b)
{
	size_t size = a->name_size < b->name_size ? a->name_size : b->name_size;
	int order = strncasecmp(a->name, b->name, size);

	if (order)
		return order;
	return (a->name_size > b->name_size) - (a->name_size < b->name_size);
}

static int compare_headers(const void *left, const void *right)
{
	const struct sigv4_header *a = left, *b = right;
	int order = compare_names(a, b);

	return order ? order : (a->place > b->place) - (a->place < b->place);
}

static int add(struct sigv4_canonical *canonical, const char *name, size_t name_size,
	       const char *value)
{
	if (canonical->n_headers == SIGV4_HEADERS_MAX)
		return -E2BIG;
	canonical->headers[canonical->n_headers] = (struct sigv4_header){
		.name = name,
		.name_size = name_size,
		.value = value,
		.value_size = strlen(value),
		.place = canonical->n_headers,
	};
	canonical->n_headers++;
	return 0;
}

static bool is_signed(const char *name, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(unsigned_names); i++) {
		if (strlen(unsigned_names[i]) == size &&
		    strncasecmp(unsigned_names[i], name, size) == 0)
			return false;
	}
	return true;
}

static int add_given(struct sigv4_canonical *canonical, const char *header)
{
	const char *colon = strchr(header, ':');

	if (!colon || colon == header || strpbrk(header, "\r\n"))
		return -EINVAL;
	if (!is_signed(header, (size_t)(colon - header)))
		return 0;
	return add(canonical, header, (size_t)(colon - header), colon + 1);
}

int sigv4_canonical_headers(const struct sigv4_request *request, const char *date,
			    const char *content_sha256, const char *token,
			    struct sigv4_canonical *ret)
{
	const struct {
		const char *name, *value;
	} own[] = {
		{ "host", request->host },
		{ "x-amz-date", date },
		{ "x-amz-content-sha256", content_sha256 },
		{ "x-amz-security-token", token },
	};
	int r = 0;

	ret->n_headers = 0;
	for (size_t i = 0; i < request->n_headers && r >= 0; i++)
		r = add_given(ret, request->headers[i]);
	for (size_t i = 0; i < ARRAY_SIZE(own) && r >= 0; i++) {
		if (strpbrk(own[i].value, "\r\n"))
			return -EINVAL;
		if (own[i].value[0])
			r = add(ret, own[i].name, strlen(own[i].name), own[i].value);
	}
	if (r < 0)
		return r;

	qsort(ret->headers, ret->n_headers, sizeof(*ret->headers), compare_headers);
	return 0;
}

/* Whether it has the name of the one before it. */
static bool is_repeated(const struct sigv4_canonical *canonical, const struct sigv4_header *header)
{
	return header > canonical->headers && compare_names(header - 1, header) == 0;
}

int sigv4_canonical_names(const struct sigv4_canonical *canonical, struct buf *ret)
{
	int r = 0;

	for (size_t i = 0; i < canonical->n_headers && r >= 0; i++) {
		const struct sigv4_header *header = &canonical->headers[i];

		if (is_repeated(canonical, header))
			continue;
		if (i > 0)
			r = buf_add_text(ret, ";");
		for (size_t at = 0; at < header->name_size && r >= 0; at++) {
			char c = to_lower(header->name[at]);

			r = buf_add(ret, &c, 1);
		}
	}
	return r;
}

/* Without blanks at its ends, and one where there are several. */
static void put_value(struct sink *sink, const char *value, size_t size)
{
	const char *at = value, *end = value + size;
	bool first = true;

	while (at < end) {
		const char *word = at + strspn(at, " \t");
		size_t n = strcspn(word, " \t");

		if (n > 0) {
			put_text(sink, first ? "" : " ");
			put(sink, word, n);
			first = false;
		}
		at = word + n;
	}
}

static void put_headers(struct sink *sink, const struct sigv4_canonical *canonical)
{
	for (size_t i = 0; i < canonical->n_headers; i++) {
		const struct sigv4_header *header = &canonical->headers[i];

		if (is_repeated(canonical, header)) {
			put_text(sink, ",");
		} else {
			put_text(sink, i > 0 ? "\n" : "");
			for (size_t at = 0; at < header->name_size; at++) {
				char c = to_lower(header->name[at]);

				put(sink, &c, 1);
			}
			put_text(sink, ":");
		}
		put_value(sink, header->value, header->value_size);
	}
	put_text(sink, "\n");
}

int sigv4_canonical_hash(const struct sigv4_request *request, bool path_as_sent,
			 const struct sigv4_canonical *canonical, const char *signed_names,
			 const char *payload_hash, unsigned char ret[32])
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct sink sink = { .context = context };
	int r;

	if (!context)
		return -ENOMEM;
	if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		return -EIO;

	put_text(&sink, request->method);
	put_text(&sink, "\n");
	r = put_path(&sink, request, path_as_sent);
	if (r < 0)
		return r;
	put_text(&sink, "\n");
	r = put_query(&sink, request->query);
	if (r < 0)
		return r;
	put_text(&sink, "\n");
	put_headers(&sink, canonical);
	put_text(&sink, "\n");
	put_text(&sink, signed_names);
	put_text(&sink, "\n");
	put_text(&sink, payload_hash);

	if (sink.failed || EVP_DigestFinal_ex(context, ret, NULL) != 1)
		return -EIO;
	return 0;
}
