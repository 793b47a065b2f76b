/* Keys and roles out of profiles. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/text.h"
#include "common/net/credentials-walk.h"

/* --- keys ------------------------------------------------------------------------------------ */

int profile_static(struct walk *walk, const char *profile, enum aws_file file,
		   struct credentials *ret, struct fault *fault)
{
	const char *values[3];
	static const char *const keys[] = { "aws_access_key_id", "aws_secret_access_key",
					    "aws_session_token" };
	char shown[SHOWN_TEXT_MAX];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		values[i] = aws_profiles_get_from(walk->profiles, file, AWS_SECTION_PROFILE,
						  profile, keys[i]);
	if (!values[0] && !values[1])
		return 0;
	(void)text_shown(profile, shown, sizeof(shown));
	if (!values[0] || !values[1])
		return fault_set(fault, EINVAL, "the AWS profile '%s' has %s, but no %s", shown,
				 keys[values[0] ? 0 : 1], keys[values[0] ? 1 : 0]);
	if (str_copy(ret->key_id, sizeof(ret->key_id), values[0]) < 0)
		return fault_set(fault, EINVAL,
				 "aws_access_key_id of the AWS profile '%s' is too "
				 "long for a key's id",
				 shown);

	r = secret_set(&ret->secret_key, values[1], strlen(values[1]));
	if (r >= 0 && values[2])
		r = secret_set(&ret->session_token, values[2], strlen(values[2]));
	return r < 0 ? r : 1;
}

static int provide_static(struct walk *walk, enum aws_file file, struct credentials *ret,
			  struct fault *fault)
{
	int r = walk_read(walk, fault);

	return r < 0 ? r : profile_static(walk, walk->profile, file, ret, fault);
}

int provide_credentials_file(struct walk *walk, struct credentials *ret, struct fault *fault)
{
	return provide_static(walk, AWS_FILE_CREDENTIALS, ret, fault);
}

int provide_config_file(struct walk *walk, struct credentials *ret, struct fault *fault)
{
	return provide_static(walk, AWS_FILE_CONFIG, ret, fault);
}

/* --- what only the AWS CLI can do ------------------------------------------------------------ */

static int refuse_sign_in(const char *profile, const char *what, struct fault *fault)
{
	char shown[SHOWN_TEXT_MAX];
	int r = fault_set(fault, EOPNOTSUPP, "the AWS profile '%s' needs %s, which takes a person",
			  text_shown(profile, shown, sizeof(shown)), what);

	return fault_cure(fault, r,
			  "use a profile with the line: credential_process = aws configure "
			  "export-credentials --profile %s",
			  shown);
}

int profile_sign_in(struct walk *walk, const char *profile, struct fault *fault)
{
	static const struct {
		const char *key, *what;
	} rows[] = {
		{ "sso_session", "a sign-in by SSO" },
		{ "sso_start_url", "a sign-in by SSO" },
		{ "sso_account_id", "a sign-in by SSO" },
		{ "login_session", "'aws login'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (walk_value(walk, profile, rows[i].key))
			return refuse_sign_in(profile, rows[i].what, fault);
	}
	return 0;
}

/* A program beside these settings is the way out that the cure names. */
int provide_sign_in(struct walk *walk, _unused_ struct credentials *ret, struct fault *fault)
{
	int r = walk_read(walk, fault);

	if (r < 0 || walk_value(walk, walk->profile, "credential_process"))
		return r;
	return profile_sign_in(walk, walk->profile, fault);
}

/* --- roles ----------------------------------------------------------------------------------- */

/* The profiles that led here, the last one first. */
struct trail {
	const char *profile;
	const struct trail *above;
};

static int assume(struct walk *walk, const char *profile, const struct trail *above,
		  struct credentials *ret, struct fault *fault);

static bool has_role(const struct walk *walk, const char *profile)
{
	return walk_value(walk, profile, "role_arn") &&
	       !walk_value(walk, profile, "web_identity_token_file");
}

/* Keys of its own, in either file. */
static int find_static(struct walk *walk, const char *profile, struct credentials *ret,
		       struct fault *fault)
{
	int r = profile_static(walk, profile, AWS_FILE_CREDENTIALS, ret, fault);

	return r != 0 ? r : profile_static(walk, profile, AWS_FILE_CONFIG, ret, fault);
}

/* A source that is on the trail already can only give keys of its own. */
static bool is_on_trail(const struct trail *trail, const char *profile)
{
	for (; trail; trail = trail->above) {
		if (strcmp(trail->profile, profile) == 0)
			return true;
	}
	return false;
}

static int refuse_source(const struct walk *walk, const char *source, const struct trail *trail,
			 struct fault *fault)
{
	char shown[SHOWN_TEXT_MAX], from[SHOWN_TEXT_MAX];
	const char *why = "has no credentials";

	if (is_on_trail(trail, source))
		why = "leads back to itself";
	else if (!aws_profiles_has(walk->profiles, AWS_SECTION_PROFILE, source))
		why = "is not there";
	return fault_set(fault, EINVAL, "the AWS profile '%s', source_profile of '%s', %s",
			 text_shown(source, shown, sizeof(shown)),
			 text_shown(trail->profile, from, sizeof(from)), why);
}

static int from_source_profile(struct walk *walk, const char *source, const struct trail *trail,
			       struct credentials *ret, struct fault *fault)
{
	int r = find_static(walk, source, ret, fault);

	if (r != 0)
		return r;
	if (is_on_trail(trail, source))
		return refuse_source(walk, source, trail, fault);
	if (has_role(walk, source))
		return assume(walk, source, trail, ret, fault);

	r = profile_web_identity(walk, source, ret, fault);
	if (r == 0)
		r = profile_process(walk, source, ret, fault);
	if (r == 0)
		r = profile_sign_in(walk, source, fault);
	return r == 0 ? refuse_source(walk, source, trail, fault) : r;
}

static int from_named_source(struct walk *walk, const char *source, const char *profile,
			     struct credentials *ret, struct fault *fault)
{
	static const struct {
		const char *name;
		int (*fetch)(struct walk *walk, struct credentials *ret, struct fault *fault);
	} sources[] = {
		{ "Environment", provide_environment },
		{ "Ec2InstanceMetadata", provide_instance },
		{ "EcsContainer", provide_container },
	};
	char shown[SHOWN_TEXT_MAX], from[SHOWN_TEXT_MAX];
	int r;

	(void)text_shown(source, shown, sizeof(shown));
	(void)text_shown(profile, from, sizeof(from));
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		if (strcasecmp(sources[i].name, source) != 0)
			continue;
		r = sources[i].fetch(walk, ret, fault);
		if (r == 0)
			return fault_set(fault, ENOENT,
					 "credential_source of the AWS profile '%s', %s, has no "
					 "credentials",
					 from, sources[i].name);
		return r;
	}
	r = fault_set(fault, EINVAL, "credential_source of the AWS profile '%s': '%s' is unknown",
		      from, shown);
	return fault_cure(fault, r, "it may be Environment, Ec2InstanceMetadata or EcsContainer");
}

/* Whom the role is assumed with. */
static int find_signer(struct walk *walk, const struct trail *trail, struct credentials *ret,
		       struct fault *fault)
{
	const char *profile = trail->profile;
	const char *source = walk_value(walk, profile, "source_profile");
	const char *named = walk_value(walk, profile, "credential_source");
	char shown[SHOWN_TEXT_MAX];

	if (!source == !named)
		return fault_set(fault, EINVAL,
				 "the AWS profile '%s' has role_arn, but %s source_profile %s "
				 "credential_source",
				 text_shown(profile, shown, sizeof(shown)),
				 source ? "both" : "neither", source ? "and" : "nor");
	if (source)
		return from_source_profile(walk, source, trail, ret, fault);
	return from_named_source(walk, named, profile, ret, fault);
}

static int assume(struct walk *walk, const char *profile, const struct trail *above,
		  struct credentials *ret, struct fault *fault)
{
	_cleanup_credentials_ struct credentials signer = {};
	struct trail trail = { profile, above };
	char shown[SHOWN_TEXT_MAX], who[SHOWN_TEXT_MAX + 32];
	struct sts_call call;
	int r;

	if (walk_value(walk, profile, "mfa_serial"))
		return refuse_sign_in(profile, "a code of a second factor (mfa_serial)", fault);
	r = find_signer(walk, &trail, &signer, fault);
	if (r < 0)
		return r;

	(void)snprintf(who, sizeof(who), "role of the AWS profile '%s'",
		       text_shown(profile, shown, sizeof(shown)));
	call = (struct sts_call){
		.who = who,
		.role_arn = walk_value(walk, profile, "role_arn"),
		.session_name = walk_value(walk, profile, "role_session_name"),
		.duration = walk_value(walk, profile, "duration_seconds"),
		.external_id = walk_value(walk, profile, "external_id"),
		.signer = &signer,
	};
	return sts_assume(walk, &call, ret, fault);
}

int provide_role(struct walk *walk, struct credentials *ret, struct fault *fault)
{
	int r = walk_read(walk, fault);

	if (r < 0 || !has_role(walk, walk->profile))
		return r;
	return assume(walk, walk->profile, NULL, ret, fault);
}
