#include "common/net/endpoint.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/io.h"
#include "common/base/text.h"
#include "common/net/http.h"

#define VARIABLE_MAX 64
#define LABEL_MAX 63 /* of a DNS name */

static const struct {
	const char *host; /* also what is signed */
	const char *key;
	bool gov_is_fips; /* in aws-us-gov the ordinary host is the FIPS one, and there is no other
			   */
} services[] = {
	[AWS_DYNAMODB] = { "dynamodb", "dynamodb", true },
	[AWS_SQS] = { "sqs", "sqs", true },
	[AWS_EC2] = { "ec2", "ec2", true },
	[AWS_STS] = { "sts", "sts", true },
	[AWS_SSM] = { "ssm", "ssm", true },
	[AWS_S3] = { "s3", "s3", false },
	[AWS_SECRETSMANAGER] = { "secretsmanager", "secrets_manager", false },
	[AWS_MONITORING] = { "monitoring", "cloudwatch", true },
};
_Static_assert(ARRAY_SIZE(services) == _AWS_SERVICE_MAX, "a row for each service");

/* The first row whose prefix a region has. */
static const struct partition {
	const char *prefix;
	const char *name;
	const char *suffix;
	const char *dualstack_suffix; /* NULL: it has none */
} partitions[] = {
	{ "cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn" },
	{ "us-gov-", "aws-us-gov", "amazonaws.com", "api.aws" },
	{ "eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu" },
	{ "us-iso-", "aws-iso", "c2s.ic.gov", NULL },
	{ "us-isob-", "aws-iso-b", "sc2s.sgov.gov", NULL },
	{ "eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", NULL },
	{ "us-isof-", "aws-iso-f", "csp.hci.ic.gov", NULL },
	{ "", "aws", "amazonaws.com", "api.aws" },
};

static const struct partition *find_partition(const char *region)
{
	const struct partition *partition = partitions;

	while (strncmp(region, partition->prefix, strlen(partition->prefix)) != 0)
		partition++;
	return partition;
}

const char *endpoint_partition(const char *region)
{
	return find_partition(region)->name;
}

const char *endpoint_key(enum aws_service service)
{
	return services[service].key;
}

/* NULL for an empty one. */
static const char *non_empty(const char *text)
{
	return text && *text ? text : NULL;
}

static const char *get(const struct endpoint_query *query, const char *name)
{
	return query->get ? non_empty(query->get(query->context, name)) : NULL;
}

static int get_switch(const struct endpoint_query *query, const char *name, bool otherwise,
		      bool *ret, struct fault *fault)
{
	const char *text = get(query, name);
	char shown[SHOWN_TEXT_MAX];

	*ret = otherwise;
	if (!text)
		return 0;
	/* As in the SDKs: no other words, but in any case of letters. */
	*ret = strcasecmp(text, "true") == 0;
	if (*ret || strcasecmp(text, "false") == 0)
		return 0;
	return fault_cure(fault,
			  fault_set(fault, EINVAL, "%s: '%s' is neither true nor false", name,
				    text_shown(text, shown, sizeof(shown))),
			  "set %s to true or false, or unset it", name);
}

/* It becomes part of a host's name: one label, so that it cannot lead anywhere else. */
static int check_region(const char *region, struct fault *fault)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	char shown[SHOWN_TEXT_MAX];
	size_t size;

	if (!non_empty(region))
		return fault_cure(fault, fault_set(fault, EINVAL, "no region of AWS is known"),
				  "set AWS_REGION, or region in the profile");

	size = strlen(region);
	if (size <= LABEL_MAX && strspn(region, allowed) == size && region[0] != '-' &&
	    region[size - 1] != '-')
		return 0;
	return fault_cure(fault,
			  fault_set(fault, EINVAL, "'%s' is no region of AWS",
				    text_shown(region, shown, sizeof(shown))),
			  "a region is a word such as eu-west-1");
}

/* AWS_ENDPOINT_URL_<KEY>. */
static const char *get_service_url(const struct endpoint_query *query)
{
	char name[VARIABLE_MAX];

	(void)snprintf(name, sizeof(name), "AWS_ENDPOINT_URL_%s", endpoint_key(query->service));
	for (char *c = name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return get(query, name);
}

/* The URL that is used in place of AWS's own; NULL: none. */
static int find_override(const struct endpoint_query *query, const char **ret, struct fault *fault)
{
	bool ignores;
	int r;

	*ret = non_empty(query->url);
	r = get_switch(query, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", query->profile_ignores_urls,
		       &ignores, fault);
	if (r < 0 || *ret || ignores)
		return r;

	*ret = get_service_url(query);
	if (!*ret)
		*ret = get(query, "AWS_ENDPOINT_URL");
	if (!*ret)
		*ret = non_empty(query->profile_service_url);
	if (!*ret)
		*ret = non_empty(query->profile_url);
	return 0;
}

/* What follows is put behind it. */
static int use_override(const char *url, struct endpoint *endpoint, struct fault *fault)
{
	_cleanup_http_request_ struct http_request request = {};
	int r = http_request_url(&request, url);
	size_t size = strlen(url);

	if (r == -ENOMEM)
		return fault_set(fault, ENOMEM, "%m");
	while (size > 0 && url[size - 1] == '/')
		size--;
	/* Not shown: it may hold a password, which is what is wrong with it. */
	if (r < 0 || url[strcspn(url, "?#")] || size >= sizeof(endpoint->url))
		return fault_cure(fault,
				  fault_set(fault, EINVAL,
					    "the endpoint's URL that is configured for %s is none",
					    endpoint->service),
				  "write it as http://HOST:PORT or https://HOST");

	memcpy(endpoint->url, url, size);
	endpoint->url[size] = '\0';
	endpoint->overridden = true;
	return 0;
}

static int use_own(enum aws_service service, bool fips, bool dualstack, struct endpoint *endpoint,
		   struct fault *fault)
{
	const struct partition *partition = find_partition(endpoint->region);
	const char *suffix = partition->suffix, *infix = "";

	if (dualstack && !partition->dualstack_suffix)
		return fault_cure(fault,
				  fault_set(fault, EOPNOTSUPP,
					    "there are no dual-stack endpoints in %s",
					    endpoint->region),
				  "unset AWS_USE_DUALSTACK_ENDPOINT");
	if (fips && !dualstack && services[service].gov_is_fips &&
	    strcmp(partition->name, "aws-us-gov") == 0)
		fips = false;

	/* S3 had dual stack before there was a suffix for it. */
	if (dualstack && service == AWS_S3)
		infix = ".dualstack";
	else if (dualstack)
		suffix = partition->dualstack_suffix;
	(void)snprintf(endpoint->url, sizeof(endpoint->url), "https://%s%s%s.%s.%s",
		       endpoint->service, fips ? "-fips" : "", infix, endpoint->region, suffix);
	return 0;
}

int endpoint_resolve(const struct endpoint_query *query, struct endpoint *ret, struct fault *fault)
{
	struct endpoint endpoint = { .service = services[query->service].host };
	const char *override;
	bool fips, dualstack;
	int r;

	r = check_region(query->region, fault);
	if (r < 0)
		return r;
	r = str_copy(endpoint.region, sizeof(endpoint.region), query->region);
	if (r < 0)
		return fault_set(fault, r, "region: %m");
	r = get_switch(query, "AWS_USE_FIPS_ENDPOINT", query->profile_fips, &fips, fault);
	if (r < 0)
		return r;
	r = get_switch(query, "AWS_USE_DUALSTACK_ENDPOINT", query->profile_dualstack, &dualstack,
		       fault);
	if (r < 0)
		return r;
	r = find_override(query, &override, fault);
	if (r < 0)
		return r;

	if (override && (fips || dualstack))
		return fault_cure(fault,
				  fault_set(fault, EINVAL,
					    "%s: an endpoint of one's own cannot be %s",
					    endpoint.service,
					    fips ? "asked for FIPS" : "asked for dual stack"),
				  "unset the one or the other");
	r = override ? use_override(override, &endpoint, fault)
		     : use_own(query->service, fips, dualstack, &endpoint, fault);
	if (r < 0)
		return r;
	*ret = endpoint;
	return 0;
}
