#include "common/net/sts-answer.h"

#include <errno.h>
#include <expat.h>
#include <stdio.h>
#include <string.h>

#include "common/base/parse.h"

#define DEPTH_MAX 16
#define VALUE_MAX 16384 /* a session token is long */

enum field { KEY_ID, SECRET_KEY, SESSION_TOKEN, EXPIRATION, CODE, MESSAGE, N_FIELDS };

static const struct {
	const char *parent, *name;
} fields[N_FIELDS] = {
	[KEY_ID] = { "Credentials", "AccessKeyId" },
	[SECRET_KEY] = { "Credentials", "SecretAccessKey" },
	[SESSION_TOKEN] = { "Credentials", "SessionToken" },
	[EXPIRATION] = { "Credentials", "Expiration" },
	[CODE] = { "Error", "Code" },
	[MESSAGE] = { "Error", "Message" },
};

struct reader {
	XML_Parser parser;
	unsigned depth;
	char parent[16],
		name[16]; /* the two elements that are open; longer names are none of ours */
	size_t size;      /* of value */
	bool failed;
	struct secret values[N_FIELDS];
	char value[VALUE_MAX];
};

static void reader_done(struct reader *reader)
{
	XML_ParserFree(reader->parser);
	for (size_t i = 0; i < N_FIELDS; i++)
		secret_done(&reader->values[i]);
	explicit_bzero(reader->value, sizeof(reader->value));
}

static void fail(struct reader *reader)
{
	reader->failed = true;
	(void)XML_StopParser(reader->parser, XML_FALSE);
}

static void XMLCALL on_start(void *context, const char *name, _unused_ const char **attributes)
{
	struct reader *reader = context;

	if (++reader->depth > DEPTH_MAX)
		fail(reader);
	memcpy(reader->parent, reader->name, sizeof(reader->parent));
	(void)snprintf(reader->name, sizeof(reader->name), "%s", name);
	reader->size = 0;
}

static void XMLCALL on_text(void *context, const char *text, int size)
{
	struct reader *reader = context;

	if ((size_t)size > sizeof(reader->value) - reader->size) {
		fail(reader);
		return;
	}
	memcpy(reader->value + reader->size, text, (size_t)size);
	reader->size += (size_t)size;
}

static void XMLCALL on_end(void *context, _unused_ const char *name)
{
	struct reader *reader = context;

	for (size_t i = 0; i < N_FIELDS; i++) {
		if (strcmp(reader->name, fields[i].name) != 0 ||
		    strcmp(reader->parent, fields[i].parent) != 0)
			continue;
		if (secret_set(&reader->values[i], reader->value, reader->size) < 0)
			fail(reader);
	}
	/* A leaf is over; its siblings have the same parent. */
	memcpy(reader->name, reader->parent, sizeof(reader->name));
	reader->size = 0;
	reader->depth--;
}

static void XMLCALL on_doctype(void *context, _unused_ const char *name, _unused_ const char *id,
			       _unused_ const char *public_id, _unused_ int has_subset)
{
	fail(context); /* entities are of no use to us */
}

/* What was found before an error stays in reader->values. */
static int read_answer(struct reader *reader, const char *text, size_t size)
{
	reader->parser = XML_ParserCreate("UTF-8");
	if (!reader->parser)
		return -ENOMEM;
	XML_SetUserData(reader->parser, reader);
	XML_SetElementHandler(reader->parser, on_start, on_end);
	XML_SetCharacterDataHandler(reader->parser, on_text);
	XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);

	if (size > INT32_MAX ||
	    XML_Parse(reader->parser, text, (int)size, XML_TRUE) != XML_STATUS_OK || reader->failed)
		return -EBADMSG;
	return 0;
}

static int take_credentials(struct reader *reader, struct credentials *ret)
{
	_cleanup_credentials_ struct credentials credentials = {};
	const struct secret *key_id = &reader->values[KEY_ID];

	for (size_t i = KEY_ID; i <= EXPIRATION; i++) {
		if (reader->values[i].size == 0)
			return -EBADMSG;
	}
	if (key_id->size >= sizeof(credentials.key_id) ||
	    parse_time_ms(secret_reveal(&reader->values[EXPIRATION]), &credentials.expires_ms) < 0)
		return -EBADMSG;

	memcpy(credentials.key_id, key_id->bytes, key_id->size + 1);
	credentials.secret_key = reader->values[SECRET_KEY];
	credentials.session_token = reader->values[SESSION_TOKEN];
	reader->values[SECRET_KEY] = reader->values[SESSION_TOKEN] = (struct secret){};

	credentials_move(ret, &credentials);
	return 0;
}

int sts_answer_credentials(const char *text, size_t size, const char *what, struct credentials *ret,
			   struct fault *fault)
{
	_cleanup_(reader_done) struct reader reader = {};
	int r = read_answer(&reader, text, size);

	if (r >= 0)
		r = take_credentials(&reader, ret);
	if (r == -EBADMSG)
		return fault_set(fault, r, "%s: the answer holds no credentials that can be read",
				 what);
	return r;
}

int sts_answer_error(const char *text, size_t size, int status, const char *what,
		     struct fault *fault)
{
	_cleanup_(reader_done) struct reader reader = {};
	const char *code, *message;
	int r = read_answer(&reader, text, size);

	if (r == -ENOMEM)
		return r;
	code = secret_reveal(&reader.values[CODE]);
	message = secret_reveal(&reader.values[MESSAGE]);
	r = status >= 400 && status < 500 ? -EACCES : -EREMOTEIO;

	(void)fault_set(fault, r, "%s: HTTP %d%s%s%s%.*s", what, status, *code ? " " : "", code,
			*message ? ": " : "",
			(int)strnlen(message, strcspn(message, "\r\n") < STS_MESSAGE_MAX
						      ? strcspn(message, "\r\n")
						      : STS_MESSAGE_MAX),
			message);
	if (fault) {
		fault->status = status;
		(void)snprintf(fault->code, sizeof(fault->code), "%s", code);
	}
	return r;
}
