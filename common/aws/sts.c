#include "common/aws/sts.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/aws/form.h"
#include "common/aws/xml-field.h"
#include "common/net/xml.h"

#define VERSION "2011-06-15"

int sts_get_caller_identity(struct buf *ret)
{
	struct form form;

	form_begin(&form, ret, "GetCallerIdentity", VERSION);
	return form_end(&form);
}

static void add_role(struct form *form, const struct sts_role *role)
{
	form_add(form, role->arn, "RoleArn");
	form_add(form, role->session, "RoleSessionName");
	if (role->duration_sec > 0)
		form_add_u64(form, role->duration_sec, "DurationSeconds");
}

int sts_assume_role(const struct sts_role *role, struct buf *ret)
{
	struct form form;

	form_begin(&form, ret, "AssumeRole", VERSION);
	add_role(&form, role);
	form_add(&form, role->external_id, "ExternalId");
	return form_end(&form);
}

int sts_assume_role_with_web_identity(const struct sts_role *role, const struct secret *token,
				      struct buf *ret)
{
	struct form form;

	form_begin(&form, ret, "AssumeRoleWithWebIdentity", VERSION);
	add_role(&form, role);
	form_add(&form, secret_reveal(token), "WebIdentityToken");
	return form_end(&form);
}

/* --- answers --------------------------------------------------------------------------------- */

#define IDENTITY "GetCallerIdentityResponse/GetCallerIdentityResult"

static const struct xml_field identity_fields[] = {
	XML_TEXT_FIELD(IDENTITY "/Account", sts_identity, account),
	XML_TEXT_FIELD(IDENTITY "/Arn", sts_identity, arn),
	XML_TEXT_FIELD(IDENTITY "/UserId", sts_identity, user_id),
	{ .path = NULL },
};

static int on_identity(const char *path, const char *text, void *context, struct fault *fault)
{
	int r;

	r = xml_field_read(identity_fields, path, text, context, fault);
	return r < 0 ? r : 0;
}

int sts_identity_read(const char *body, size_t size, struct sts_identity *ret, struct fault *fault)
{
	struct sts_identity identity = {};
	int r;

	r = xml_read(body, size, "sts GetCallerIdentity", on_identity, &identity, fault);
	if (r < 0)
		return r;
	if (!identity.account[0] || !identity.arn[0])
		return fault_set(fault, EBADMSG, "sts GetCallerIdentity: no account or ARN");
	*ret = identity;
	return 0;
}

#define ROLE "AssumeRoleResponse/AssumeRoleResult/Credentials/"
#define WEB "AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials/"

static const struct xml_field credentials_fields[] = {
	XML_TEXT_FIELD(ROLE "AccessKeyId", sts_credentials, access_key),
	XML_VALUE_FIELD(ROLE "Expiration", XML_FIELD_TIME, sts_credentials, expires_ms),
	XML_TEXT_FIELD(WEB "AccessKeyId", sts_credentials, access_key),
	XML_VALUE_FIELD(WEB "Expiration", XML_FIELD_TIME, sts_credentials, expires_ms),
	{ .path = NULL },
};

static bool is_either(const char *path, const char *role, const char *web)
{
	return strcmp(path, role) == 0 || strcmp(path, web) == 0;
}

/* A secret goes nowhere but into its place: not into a fault either. */
static int on_credentials(const char *path, const char *text, void *context, struct fault *fault)
{
	struct sts_credentials *credentials = context;
	struct secret *secret = NULL;
	int r;

	if (is_either(path, ROLE "SecretAccessKey", WEB "SecretAccessKey"))
		secret = &credentials->secret_key;
	if (is_either(path, ROLE "SessionToken", WEB "SessionToken"))
		secret = &credentials->session_token;
	if (secret) {
		r = secret_set(secret, text, strlen(text));
		return r < 0 ? fault_set(fault, -r, "sts: cannot keep a secret") : 0;
	}
	r = xml_field_read(credentials_fields, path, text, credentials, fault);
	return r < 0 ? r : 0;
}

static bool is_whole(const struct sts_credentials *credentials)
{
	return credentials->access_key[0] && credentials->secret_key.size > 0 &&
	       credentials->session_token.size > 0 && credentials->expires_ms > 0;
}

int sts_credentials_read(const char *body, size_t size, struct sts_credentials *ret,
			 struct fault *fault)
{
	struct sts_credentials credentials = {};
	int r;

	r = xml_read(body, size, "sts AssumeRole", on_credentials, &credentials, fault);
	if (r == 0 && !is_whole(&credentials))
		r = fault_set(fault, EBADMSG, "sts AssumeRole: the credentials are not whole");
	if (r < 0) {
		sts_credentials_done(&credentials);
		return r;
	}
	*ret = credentials;
	return 0;
}

void sts_credentials_done(struct sts_credentials *credentials)
{
	secret_done(&credentials->secret_key);
	secret_done(&credentials->session_token);
	*credentials = (struct sts_credentials){};
}
