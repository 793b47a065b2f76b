/* What a search for credentials knows: variables, files, region, endpoints. */

#include "common/net/credentials-walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/io.h"
#include "common/base/text.h"

#define KEY_MAX 64

static const char *find_profile(const struct walk *walk)
{
	const char *name = walk->source->options.profile;

	if (!name)
		name = walk_env(walk, "AWS_PROFILE");
	if (!name)
		name = walk_env(walk, "AWS_DEFAULT_PROFILE");
	return name ? name : "default";
}

void walk_init(struct walk *walk, struct credentials_source *source, uint64_t now_ms)
{
	*walk = (struct walk){
		.source = source,
		.now_ms = now_ms,
		.named = source->options.profile != NULL,
	};
	walk->profile = find_profile(walk);
}

void walk_done(struct walk *walk)
{
	aws_profiles_free(walk->profiles);
}

/* --- the environment ------------------------------------------------------------------------- */

const char *walk_env(const struct walk *walk, const char *name)
{
	const struct credentials_options *options = &walk->source->options;
	const char *value = options->env(options->env_context, name);

	return value && *value ? value : NULL;
}

bool walk_env_is_true(const struct walk *walk, const char *name)
{
	const char *value = walk_env(walk, name);

	return value && strcasecmp(value, "true") == 0;
}

int walk_path(const struct walk *walk, const char *path, char **ret)
{
	const char *home = walk->source->options.home;
	char *whole;

	if (strncmp(path, "~/", 2) == 0 && home)
		whole = str_format("%s/%s", home, path + 2);
	else
		whole = strdup(path);
	if (!whole)
		return -ENOMEM;
	*ret = whole;
	return 0;
}

/* --- the profiles ---------------------------------------------------------------------------- */

static const struct {
	const char *variable, *path;
} files[_AWS_FILE_MAX] = {
	[AWS_FILE_CONFIG] = { "AWS_CONFIG_FILE", "~/.aws/config" },
	[AWS_FILE_CREDENTIALS] = { "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials" },
};

static int load_file(const struct walk *walk, struct aws_profiles *profiles, enum aws_file file,
		     struct fault *fault)
{
	const char *given = walk_env(walk, files[file].variable);
	_cleanup_free_ char *path = NULL;
	int r;

	if (!given && !walk->source->options.home)
		return 0;
	r = walk_path(walk, given ? given : files[file].path, &path);
	if (r < 0)
		return r;
	return aws_profiles_load(profiles, file, path, fault);
}

/* Only "default" may be missing, and that only when nobody asked for it. */
static int refuse_profile(const struct walk *walk, const struct aws_profiles *profiles,
			  struct fault *fault)
{
	char shown[SHOWN_TEXT_MAX];
	int r;

	if (aws_profiles_has(profiles, AWS_SECTION_PROFILE, walk->profile))
		return 0;
	if (!walk->named && strcmp(walk->profile, "default") == 0)
		return 0;

	r = fault_set(fault, ENOENT, "there is no AWS profile '%s'",
		      text_shown(walk->profile, shown, sizeof(shown)));
	return fault_cure(fault, r,
			  "'aws configure list-profiles' shows those that are in ~/.aws/config and "
			  "~/.aws/credentials");
}

static int note_exposed(struct credentials_source *source, const struct aws_profiles *profiles)
{
	const char *path = aws_profiles_exposed(profiles);

	if (!path || source->exposed)
		return 0;
	source->exposed = strdup(path);
	return source->exposed ? 0 : -ENOMEM;
}

int walk_read(struct walk *walk, struct fault *fault)
{
	_cleanup_(aws_profiles_freep) struct aws_profiles *profiles = NULL;
	int r;

	if (walk->profiles)
		return 0;
	r = aws_profiles_new(&profiles);
	for (enum aws_file file = 0; file < _AWS_FILE_MAX && r >= 0; file++)
		r = load_file(walk, profiles, file, fault);
	if (r >= 0)
		r = refuse_profile(walk, profiles, fault);
	if (r >= 0)
		r = note_exposed(walk->source, profiles);
	if (r < 0)
		return r;
	walk->profiles = take_ptr(profiles);
	return 0;
}

const char *walk_value(const struct walk *walk, const char *profile, const char *key)
{
	return aws_profiles_get(walk->profiles, AWS_SECTION_PROFILE, profile, key);
}

/* --- region ---------------------------------------------------------------------------------- */

/* It becomes a part of a host's name. */
static int check_region(const char *region, const char *origin, char ret[CREDENTIALS_REGION_MAX],
			struct fault *fault)
{
	char shown[SHOWN_TEXT_MAX];
	size_t size = strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (region[size] != '\0' || size >= CREDENTIALS_REGION_MAX)
		return fault_set(fault, EINVAL, "%s: '%s' is no AWS region", origin,
				 text_shown(region, shown, sizeof(shown)));
	memcpy(ret, region, size + 1);
	return 1;
}

int walk_region(struct walk *walk, char ret[CREDENTIALS_REGION_MAX], struct fault *fault)
{
	static const char *const variables[] = { "AWS_REGION", "AWS_DEFAULT_REGION" };
	const char *region = walk->source->options.region;
	int r;

	if (region)
		return check_region(region, "--region", ret, fault);
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		region = walk_env(walk, variables[i]);
		if (region)
			return check_region(region, variables[i], ret, fault);
	}
	r = walk_read(walk, fault);
	if (r < 0)
		return r;
	region = walk_value(walk, walk->profile, "region");
	return region ? check_region(region, "region of the profile", ret, fault) : 0;
}

int credentials_region(struct credentials_source *source, uint64_t now_ms,
		       char ret[CREDENTIALS_REGION_MAX], struct fault *fault)
{
	_cleanup_walk_ struct walk walk;
	char region[CREDENTIALS_REGION_MAX];
	int r;

	walk_init(&walk, source, now_ms);
	r = walk_region(&walk, ret, fault);
	if (r == 0)
		r = instance_region(&walk, region, fault);
	else if (r > 0)
		return 0;
	if (r > 0)
		r = check_region(region, "instance metadata", ret, fault);
	if (r < 0)
		return r;
	if (r > 0)
		return 0;

	r = fault_set(fault, ENOENT, "no AWS region is set");
	return fault_cure(fault, r,
			  "give --region, set AWS_REGION, or put 'region' into the "
			  "profile");
}

/* --- endpoints ------------------------------------------------------------------------------- */

/* Each switch says the same in the environment, where endpoint_resolve() looks for it. */
static int read_switch(const struct walk *walk, const char *key, bool *ret, struct fault *fault)
{
	const char *value = walk_value(walk, walk->profile, key);
	char shown[SHOWN_TEXT_MAX];
	int r;

	*ret = value && strcasecmp(value, "true") == 0;
	if (!value || *ret || strcasecmp(value, "false") == 0)
		return 0;
	r = fault_set(fault, EINVAL, "%s of the profile: '%s' is neither true nor false", key,
		      text_shown(value, shown, sizeof(shown)));
	return fault_cure(fault, r, "set it to true or false, or leave it out");
}

/* NULL: none. */
static const char *service_url(const struct walk *walk, enum aws_service service)
{
	const char *services = walk_value(walk, walk->profile, "services");
	char key[KEY_MAX];

	if (!services)
		return NULL;
	(void)snprintf(key, sizeof(key), "%s.endpoint_url", endpoint_key(service));
	return aws_profiles_get(walk->profiles, AWS_SECTION_SERVICES, services, key);
}

static int add_profile(const struct walk *walk, struct endpoint_query *query, struct fault *fault)
{
	int r;

	query->profile_service_url = service_url(walk, query->service);
	query->profile_url = walk_value(walk, walk->profile, "endpoint_url");
	r = read_switch(walk, "ignore_configured_endpoint_urls", &query->profile_ignores_urls,
			fault);
	if (r >= 0)
		r = read_switch(walk, "use_fips_endpoint", &query->profile_fips, fault);
	if (r >= 0)
		r = read_switch(walk, "use_dualstack_endpoint", &query->profile_dualstack, fault);
	return r;
}

int walk_endpoint(struct walk *walk, enum aws_service service, const char *url, const char *region,
		  struct endpoint *ret, struct fault *fault)
{
	struct endpoint_query query = {
		.service = service,
		.region = region,
		.url = url,
		.get = walk->source->options.env,
		.context = walk->source->options.env_context,
	};
	int r = walk_read(walk, fault);

	if (r >= 0)
		r = add_profile(walk, &query, fault);
	return r < 0 ? r : endpoint_resolve(&query, ret, fault);
}

int credentials_endpoint(struct credentials_source *source, enum aws_service service,
			 const char *url, const char *region, struct endpoint *ret,
			 struct fault *fault)
{
	_cleanup_walk_ struct walk walk;

	walk_init(&walk, source, 0);
	return walk_endpoint(&walk, service, url, region, ret, fault);
}
