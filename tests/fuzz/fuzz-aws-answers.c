/*
 * What answers when credentials are asked for: STS in XML, the others in JSON; and the URLs and
 * times in them. The first byte chooses.
 */

#include <errno.h>
#include <string.h>

#include "common/net/credentials-walk.h"
#include "common/net/sts-answer.h"
#include "common/net/url.h"
#include "tests/fuzz/fuzz.h"

static void check(int r, const struct credentials *credentials, const struct fault *fault)
{
	fuzz_check_harmless(fault->text);
	if (r < 0) {
		FUZZ_CHECK_ERROR(r, EBADMSG, EACCES);
		FUZZ_CHECK(fault->text[0] != '\0');
		FUZZ_CHECK(credentials->key_id[0] == '\0' && credentials->secret_key.size == 0);
		return;
	}
	FUZZ_CHECK(credentials->key_id[0] != '\0' && credentials->secret_key.size > 0);
	FUZZ_CHECK(strlen(credentials->key_id) < sizeof(credentials->key_id));
}

static void check_xml(const char *text, size_t size)
{
	_cleanup_credentials_ struct credentials credentials = {};
	struct fault fault = {};

	check(sts_answer_credentials(text, size, "STS", &credentials, &fault), &credentials,
	      &fault);
	FUZZ_CHECK(sts_answer_error(text, size, 400, "STS", &fault) == -EACCES);
	FUZZ_CHECK(sts_answer_error(text, size, 500, "STS", &fault) == -EREMOTEIO);
	FUZZ_CHECK(strncmp(fault.text, "STS: HTTP 500", 13) == 0);
	fuzz_check_harmless(fault.text);
}

static void check_json(const char *text, size_t size)
{
	_cleanup_credentials_ struct credentials credentials = {};
	_cleanup_secret_ struct secret secret = {};
	struct fault fault = {};

	if (secret_set(&secret, text, size) < 0)
		return;
	check(credentials_from_json(&secret, "metadata", "Token", &credentials, &fault),
	      &credentials, &fault);
}

static void check_url(const char *text)
{
	char shown[100];
	struct url url;

	fuzz_check_harmless(url_shown(text, shown, sizeof(shown)));
	if (url_split(text, &url) < 0)
		return;
	FUZZ_CHECK_TEXT(url.name[0] != '\0' && url.host[0] != '\0', text);
	FUZZ_CHECK_TEXT(!strpbrk(url.host, "/?@# "), text);
	FUZZ_CHECK_TEXT(strstr(url.host, url.name), text);
	FUZZ_CHECK_TEXT(url.path_size == 0 || *url.path == '/', text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	uint8_t kind = fuzz_take_byte(&input);
	size_t left = input.size;
	_cleanup_free_ char *text = fuzz_take_text(&input);

	if (kind == '<')
		check_xml((const char *)data, size);
	else if (kind == '{')
		check_json((const char *)data, size);
	else if (strlen(text) == left)
		check_url(text);
	return 0;
}
