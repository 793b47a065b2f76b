#include <errno.h>
#include <string.h>

#include "common/net/endpoint.h"
#include "tests/test.h"

/* An environment: names and values in turn, up to NULL. */
static const char *get(void *context, const char *name)
{
	const char *const *pairs = context;

	for (; pairs && *pairs; pairs += 2)
		if (strcmp(pairs[0], name) == 0)
			return pairs[1];
	return NULL;
}

static struct endpoint_query query_of(enum aws_service service, const char *region,
				      const char *const *environment)
{
	return (struct endpoint_query){
		.service = service,
		.region = region,
		.get = get,
		.context = (void *)environment,
	};
}

static void check_url(const struct endpoint_query *query, const char *url)
{
	struct endpoint endpoint;
	struct fault fault = {};

	ck_assert_msg(endpoint_resolve(query, &endpoint, &fault) == 0, "%s", fault.text);
	ck_assert_str_eq(endpoint.url, url);
}

/* Fails, tells what to do, and leaves the endpoint as it was. */
static void check_refused(const struct endpoint_query *query, int error)
{
	struct endpoint endpoint = { .url = "untouched" };
	struct fault fault = {};

	ck_assert_int_eq(endpoint_resolve(query, &endpoint, &fault), -error);
	ck_assert_str_eq(endpoint.url, "untouched");
	ck_assert_str_ne(fault.text, "");
	ck_assert_str_ne(fault.cure, "");
}

/* From the partitions and rule sets that AWS publishes with its SDKs. */
START_TEST(knows_the_hosts_of_each_partition)
{
	static const struct {
		const char *region;
		const char *partition;
		const char *url;
		const char *dualstack; /* NULL: has none */
	} cases[] = {
		{ "eu-west-1", "aws", "https://sqs.eu-west-1.amazonaws.com",
		  "https://sqs.eu-west-1.api.aws" },
		{ "mx-central-1", "aws", "https://sqs.mx-central-1.amazonaws.com",
		  "https://sqs.mx-central-1.api.aws" },
		{ "cn-north-1", "aws-cn", "https://sqs.cn-north-1.amazonaws.com.cn",
		  "https://sqs.cn-north-1.api.amazonwebservices.com.cn" },
		{ "us-gov-west-1", "aws-us-gov", "https://sqs.us-gov-west-1.amazonaws.com",
		  "https://sqs.us-gov-west-1.api.aws" },
		{ "eusc-de-east-1", "aws-eusc", "https://sqs.eusc-de-east-1.amazonaws.eu",
		  "https://sqs.eusc-de-east-1.api.amazonwebservices.eu" },
		{ "us-iso-east-1", "aws-iso", "https://sqs.us-iso-east-1.c2s.ic.gov", NULL },
		{ "us-isob-east-1", "aws-iso-b", "https://sqs.us-isob-east-1.sc2s.sgov.gov", NULL },
		{ "eu-isoe-west-1", "aws-iso-e", "https://sqs.eu-isoe-west-1.cloud.adc-e.uk",
		  NULL },
		{ "us-isof-south-1", "aws-iso-f", "https://sqs.us-isof-south-1.csp.hci.ic.gov",
		  NULL },
	};
	static const char *const dualstack[] = { "AWS_USE_DUALSTACK_ENDPOINT", "true", NULL };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct endpoint_query query = query_of(AWS_SQS, cases[i].region, NULL);

		ck_assert_str_eq(endpoint_partition(cases[i].region), cases[i].partition);
		check_url(&query, cases[i].url);
		query.context = (void *)dualstack;
		if (cases[i].dualstack)
			check_url(&query, cases[i].dualstack);
		else
			check_refused(&query, EOPNOTSUPP);
	}
}
END_TEST

START_TEST(knows_each_service)
{
	static const struct {
		const char *service, *key, *url, *fips, *gov_fips, *dualstack;
	} cases[] = {
#define ROW(service, key, infix, gov)                            \
	{ service,                                               \
	  key,                                                   \
	  "https://" service ".us-east-1.amazonaws.com",         \
	  "https://" service "-fips.us-east-1.amazonaws.com",    \
	  "https://" service gov ".us-gov-east-1.amazonaws.com", \
	  "https://" service "-fips" infix }
		[AWS_DYNAMODB] = ROW("dynamodb", "dynamodb", ".us-gov-east-1.api.aws", ""),
		[AWS_SQS] = ROW("sqs", "sqs", ".us-gov-east-1.api.aws", ""),
		[AWS_EC2] = ROW("ec2", "ec2", ".us-gov-east-1.api.aws", ""),
		[AWS_STS] = ROW("sts", "sts", ".us-gov-east-1.api.aws", ""),
		[AWS_SSM] = ROW("ssm", "ssm", ".us-gov-east-1.api.aws", ""),
		[AWS_S3] = ROW("s3", "s3", ".dualstack.us-gov-east-1.amazonaws.com", "-fips"),
		[AWS_SECRETSMANAGER] =
			ROW("secretsmanager", "secrets_manager", ".us-gov-east-1.api.aws", "-fips"),
		[AWS_MONITORING] = ROW("monitoring", "cloudwatch", ".us-gov-east-1.api.aws", ""),
#undef ROW
	};

	for (enum aws_service service = 0; service < _AWS_SERVICE_MAX; service++) {
		struct endpoint_query query = query_of(service, "us-east-1", NULL);
		struct endpoint endpoint;

		ck_assert_int_eq(endpoint_resolve(&query, &endpoint, NULL), 0);
		ck_assert_str_eq(endpoint.service, cases[service].service);
		ck_assert_str_eq(endpoint.region, "us-east-1");
		ck_assert_str_eq(endpoint.url, cases[service].url);
		ck_assert(!endpoint.overridden);
		ck_assert_str_eq(endpoint_key(service), cases[service].key);

		query.profile_fips = true;
		check_url(&query, cases[service].fips);
		query.region = "us-gov-east-1";
		check_url(&query, cases[service].gov_fips);
		query.profile_dualstack = true;
		check_url(&query, cases[service].dualstack);
	}
}
END_TEST

START_TEST(takes_overrides_in_their_order)
{
	/* All of them; each round takes the first away. */
	static const char *const environment[] = { "AWS_ENDPOINT_URL_SECRETS_MANAGER",
						   "http://of-service",
						   "AWS_ENDPOINT_URL",
						   "http://of-all",
						   "AWS_ENDPOINT_URL_SQS",
						   "http://of-another",
						   NULL };
	struct endpoint_query query = query_of(AWS_SECRETSMANAGER, "us-east-1", environment);
	struct endpoint endpoint;

	query.url = "http://of-flag";
	query.profile_service_url = "http://of-profile-service";
	query.profile_url = "http://of-profile";
	check_url(&query, "http://of-flag");
	query.url = "";
	check_url(&query, "http://of-service");
	query.context = (void *)(environment + 2);
	check_url(&query, "http://of-all");
	query.context = (void *)(environment + 4);
	check_url(&query, "http://of-profile-service");
	query.profile_service_url = "";
	ck_assert_int_eq(endpoint_resolve(&query, &endpoint, NULL), 0);
	ck_assert_str_eq(endpoint.url, "http://of-profile");
	ck_assert(endpoint.overridden);
	query.profile_url = NULL;
	check_url(&query, "https://secretsmanager.us-east-1.amazonaws.com");
}
END_TEST

START_TEST(ignores_configured_urls_when_told_to)
{
	static const char *const ignoring[] = { "AWS_ENDPOINT_URL", "http://of-all",
						"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True",
						NULL };
	static const char *const heeding[] = { "AWS_ENDPOINT_URL", "http://of-all",
					       "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false",
					       NULL };
	struct endpoint_query query = query_of(AWS_EC2, "us-east-1", ignoring);

	query.profile_url = "http://of-profile";
	check_url(&query, "https://ec2.us-east-1.amazonaws.com");
	query.url = "http://of-flag";
	check_url(&query, "http://of-flag");

	query.url = NULL;
	query.profile_ignores_urls = true;
	query.context = (void *)heeding;
	check_url(&query, "http://of-all");
	query.context = (void *)NULL;
	check_url(&query, "https://ec2.us-east-1.amazonaws.com");
}
END_TEST

START_TEST(lets_the_environment_overrule_the_profile)
{
	static const char *const off[] = { "AWS_USE_FIPS_ENDPOINT", "FALSE", NULL };
	static const char *const empty[] = { "AWS_USE_FIPS_ENDPOINT", "", NULL };
	struct endpoint_query query = query_of(AWS_EC2, "us-east-1", off);

	query.profile_fips = true;
	check_url(&query, "https://ec2.us-east-1.amazonaws.com");
	query.context = (void *)empty;
	check_url(&query, "https://ec2-fips.us-east-1.amazonaws.com");
	query.get = NULL;
	check_url(&query, "https://ec2-fips.us-east-1.amazonaws.com");
}
END_TEST

START_TEST(takes_no_slash_from_an_override)
{
	struct endpoint_query query = query_of(AWS_EC2, "us-east-1", NULL);

	query.url = "http://localhost:4566/base//";
	check_url(&query, "http://localhost:4566/base");
}
END_TEST

START_TEST(refuses_what_is_no_region)
{
	static const char *const regions[] = {
		NULL,
		"",
		"EU-WEST-1",
		"eu-west-1.evil.example",
		"evil.example/",
		"-eu-west-1",
		"eu-west-1-",
		"eu west",
		"eu\nwest",
		"a-region-of-more-than-sixty-three-characters-which-no-name-in-dns",
	};

	for (size_t i = 0; i < ARRAY_SIZE(regions); i++) {
		const struct endpoint_query query = query_of(AWS_EC2, regions[i], NULL);

		check_refused(&query, EINVAL);
	}
}
END_TEST

START_TEST(refuses_an_override_that_is_no_url)
{
	static const char *const urls[] = {
		"localhost:4566",      "ftp://localhost",     "https://user:word@example.org",
		"https://a.example?b", "https://a.example#b", "https://",
	};

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct endpoint_query query = query_of(AWS_EC2, "us-east-1", NULL);
		struct endpoint endpoint;
		struct fault fault;

		query.url = urls[i];
		check_refused(&query, EINVAL);
		ck_assert_int_eq(endpoint_resolve(&query, &endpoint, &fault), -EINVAL);
		ck_assert_ptr_null(strstr(fault.text, "word"));
	}
}
END_TEST

START_TEST(refuses_an_override_that_does_not_fit)
{
	struct endpoint_query query = query_of(AWS_EC2, "us-east-1", NULL);
	char url[ENDPOINT_URL_MAX + 1] = "http://a/";

	memset(url + strlen(url), 'p', ENDPOINT_URL_MAX - strlen(url));
	query.url = url;
	check_refused(&query, EINVAL);
	url[ENDPOINT_URL_MAX - 1] = '\0';
	check_url(&query, url);
}
END_TEST

START_TEST(refuses_a_switch_that_is_neither_true_nor_false)
{
	static const char *const names[] = { "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT",
					     "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *const environment[] = { names[i], "1", NULL };
		const struct endpoint_query query = query_of(AWS_EC2, "us-east-1", environment);

		check_refused(&query, EINVAL);
	}
}
END_TEST

START_TEST(refuses_fips_and_dual_stack_of_an_override)
{
	struct endpoint_query query = query_of(AWS_EC2, "us-east-1", NULL);

	query.url = "https://a.example";
	query.profile_fips = true;
	check_refused(&query, EINVAL);
	query.profile_fips = false;
	query.profile_dualstack = true;
	check_refused(&query, EINVAL);
}
END_TEST

TEST_MAIN(knows_the_hosts_of_each_partition, knows_each_service, takes_overrides_in_their_order,
	  ignores_configured_urls_when_told_to, lets_the_environment_overrule_the_profile,
	  takes_no_slash_from_an_override, refuses_what_is_no_region,
	  refuses_an_override_that_is_no_url, refuses_an_override_that_does_not_fit,
	  refuses_a_switch_that_is_neither_true_nor_false,
	  refuses_fips_and_dual_stack_of_an_override)
