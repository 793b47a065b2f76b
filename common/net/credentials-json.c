/* Credentials as JSON, which containers, instances and programs answer with. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/json.h"
#include "common/base/parse.h"
#include "common/net/credentials-walk.h"

/* Moves a text out of the document, where it is wiped. 1, or 0 when it is not there. */
static int take_secret(struct json_object *object, const char *key, struct secret *ret,
		       struct fault *fault)
{
	const char *text = NULL;
	size_t size;
	int r = json_get_text(object, key, &text, fault);

	if (r <= 0)
		return r;
	size = strlen(text);
	r = secret_set(ret, text, size);
	/* json-c hands out its own memory, which is the document's to change. */
	explicit_bzero((char *)text, size);
	return r < 0 ? r : 1;
}

/* The peer's word for why there are none. */
static int check_code(struct json_object *object, const char *what, struct fault *fault)
{
	const char *code = NULL;
	int r = json_get_text(object, "Code", &code, fault);

	if (r <= 0 || strcmp(code, "Success") == 0)
		return r < 0 ? r : 0;
	return fault_set(fault, EACCES, "%s: it answers with the code '%.64s'", what, code);
}

static int take_expiration(struct json_object *object, uint64_t *ret_ms, struct fault *fault)
{
	const char *text = NULL;
	int r = json_get_text(object, "Expiration", &text, fault);

	if (r <= 0)
		return r;
	if (parse_time_ms(text, ret_ms) < 0)
		return fault_set(fault, EBADMSG, "'Expiration' is no time of ISO 8601");
	return 0;
}

static int read_credentials(struct json_object *object, const char *token_key,
			    struct credentials *ret, struct fault *fault)
{
	const char *key_id = NULL;
	int r;

	/* The secrets first, so that they are wiped whatever comes. */
	r = take_secret(object, "SecretAccessKey", &ret->secret_key, fault);
	if (r >= 0) {
		int token = take_secret(object, token_key, &ret->session_token, fault);

		r = token < 0 ? token : r;
	}
	if (r > 0)
		r = json_get_text(object, "AccessKeyId", &key_id, fault);
	if (r == 0 || (r > 0 && (ret->secret_key.size == 0 || *key_id == '\0')))
		return fault_set(fault, EBADMSG, "'AccessKeyId' or 'SecretAccessKey' is missing");
	if (r < 0)
		return r;
	if (str_copy(ret->key_id, sizeof(ret->key_id), key_id) < 0)
		return fault_set(fault, EBADMSG, "'AccessKeyId' is too long");
	return take_expiration(object, &ret->expires_ms, fault);
}

int credentials_from_json(const struct secret *text, const char *what, const char *token_key,
			  struct credentials *ret, struct fault *fault)
{
	_cleanup_credentials_ struct credentials credentials = {};
	_cleanup_json_ struct json_object *object = NULL;
	int r = json_parse(secret_reveal(text), text->size, what, &object, fault);

	if (r < 0)
		return r;
	if (!json_object_is_type(object, json_type_object))
		return fault_set(fault, EBADMSG, "%s: the answer is no JSON object", what);
	r = check_code(object, what, fault);
	if (r < 0)
		return r;
	r = read_credentials(object, token_key, &credentials, fault);
	if (r < 0)
		return fault_wrap(fault, r, "%s", what);

	credentials_move(ret, &credentials);
	return 0;
}
