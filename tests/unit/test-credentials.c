/* The order of the providers, when they are asked again, region and endpoints. The providers
 * themselves: test-credentials-profile.c, test-credentials-remote.c. */

#include <sys/stat.h>

#include "tests/unit/credentials-fixture.h"

/* --- order ----------------------------------------------------------------------------------- */

START_TEST(asks_in_the_order_of_the_aws_cli)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	tree_write(bench.home, ".aws/credentials",
		   "[default]\naws_access_key_id = AKFILE\naws_secret_access_key = PLANTED-file\n");
	gets_from(&bench, "AKFILE", "credentials file");
	ck_assert_str_eq(secret_reveal(&bench.got.secret_key), "PLANTED-file");
	ck_assert_uint_eq(bench.got.expires_ms, 0);

	credentials_close(take_ptr(bench.source));
	set_variable(&bench, "AWS_ACCESS_KEY_ID", "AKENV");
	set_variable(&bench, "AWS_SECRET_ACCESS_KEY", "PLANTED-env");
	gets_from(&bench, "AKENV", "environment");

	/* A profile that is named on the command line outranks the environment, */
	credentials_close(take_ptr(bench.source));
	bench.options.profile = "default";
	gets_from(&bench, "AKFILE", "credentials file");

	/* and one that is named in the environment does not. */
	credentials_close(take_ptr(bench.source));
	bench.options.profile = NULL;
	set_variable(&bench, "AWS_PROFILE", "default");
	gets_from(&bench, "AKENV", "environment");
	ck_assert_uint_eq(bench.http.n_requests, 0);
}
END_TEST

START_TEST(asks_the_instance_last)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	answer_as_instance(&bench, "ASIMDS", 60);
	gets_from(&bench, "ASIMDS", "instance metadata");
}
END_TEST

START_TEST(says_what_to_do_when_there_are_none)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	nobody_answers(&bench, -ETIMEDOUT);
	fails_with(&bench, -ENOENT,
		   "there are no AWS credentials: neither in the environment, nor in the profile "
		   "'default', nor from a container or an instance");
	ck_assert(has_cure(&bench, "'aws configure'"));
	ck_assert_ptr_null(credentials_provider(bench.source));
	ck_assert_uint_eq(bench.http.n_requests, 1);
	ck_assert_uint_eq(request_of(&bench, 0)->timeout_usec, USEC_PER_SEC);
}
END_TEST

START_TEST(does_not_act_as_somebody_else_when_what_is_configured_fails)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	set_variable(&bench, "AWS_ACCESS_KEY_ID", "AKENV");
	tree_write(bench.home, ".aws/credentials",
		   "[default]\naws_access_key_id = AKFILE\naws_secret_access_key = PLANTED\n");
	fails_with(&bench, -EINVAL, "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
	ck_assert(has_cure(&bench, "set both"));
}
END_TEST

/* --- the environment ------------------------------------------------------------------------- */

START_TEST(reads_keys_of_the_environment)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	set_variable(&bench, "AWS_ACCESS_KEY_ID", "ASENV");
	set_variable(&bench, "AWS_SECRET_ACCESS_KEY", "PLANTED-key");
	set_variable(&bench, "AWS_SESSION_TOKEN", "PLANTED-token");
	set_variable(&bench, "AWS_CREDENTIAL_EXPIRATION", "2030-01-01T00:00:00Z");
	gets_from(&bench, "ASENV", "environment");
	ck_assert_str_eq(secret_reveal(&bench.got.secret_key), "PLANTED-key");
	ck_assert_str_eq(secret_reveal(&bench.got.session_token), "PLANTED-token");
	ck_assert_uint_eq(bench.got.expires_ms, 1893456000000);
}
END_TEST

START_TEST(refuses_a_bad_or_past_expiration_of_the_environment)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	set_variable(&bench, "AWS_ACCESS_KEY_ID", "ASENV");
	set_variable(&bench, "AWS_SECRET_ACCESS_KEY", "PLANTED-key");
	set_variable(&bench, "AWS_CREDENTIAL_EXPIRATION", "tomorrow");
	fails_with(&bench, -EINVAL, "AWS_CREDENTIAL_EXPIRATION is no time of ISO 8601");
	set_variable(&bench, "AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z");
	fails_with(&bench, -EKEYEXPIRED, "the AWS credentials (environment) have expired");
	ck_assert(has_cure(&bench, "get new ones"));
}
END_TEST

START_TEST(takes_an_empty_variable_for_none)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	set_variable(&bench, "AWS_ACCESS_KEY_ID", "");
	set_variable(&bench, "AWS_SECRET_ACCESS_KEY", "");
	set_variable(&bench, "AWS_PROFILE", "");
	answer_as_instance(&bench, "ASIMDS", 60);
	gets_from(&bench, "ASIMDS", "instance metadata");
}
END_TEST

/* --- when ------------------------------------------------------------------------------------ */

START_TEST(keeps_what_it_has_while_that_is_valid)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	answer_as_instance(&bench, "ASONE", 60);
	gets_from(&bench, "ASONE", "instance metadata");
	fake_advance(&bench.clock, 44 * MINUTES_MS);
	gets_from(&bench, "ASONE", "instance metadata");
	ck_assert_uint_eq(bench.http.n_requests, 3);
}
END_TEST

START_TEST(gets_new_ones_a_quarter_of_an_hour_ahead)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	answer_as_instance(&bench, "ASONE", 60);
	gets_from(&bench, "ASONE", "instance metadata");
	fake_advance(&bench.clock, 45 * MINUTES_MS);
	answer_as_instance(&bench, "ASTWO", 60);
	gets_from(&bench, "ASTWO", "instance metadata");
}
END_TEST

START_TEST(goes_on_with_the_old_ones_when_new_ones_cannot_be_had_yet)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	answer_as_instance(&bench, "ASONE", 60);
	gets_from(&bench, "ASONE", "instance metadata");
	nobody_answers(&bench, -ETIMEDOUT);

	fake_advance(&bench.clock, 46 * MINUTES_MS);
	gets_from(&bench, "ASONE", "instance metadata");
	ck_assert_str_eq(bench.fault.text, "");
	ck_assert_uint_eq(bench.http.n_requests, 4);

	/* Nobody is asked again within a minute, */
	fake_advance(&bench.clock, MINUTES_MS - 1);
	gets_from(&bench, "ASONE", "instance metadata");
	ck_assert_uint_eq(bench.http.n_requests, 4);
	fake_advance(&bench.clock, 1);
	gets_from(&bench, "ASONE", "instance metadata");
	ck_assert_uint_eq(bench.http.n_requests, 5);

	/* and ten minutes ahead it is an error, each time. */
	fake_advance(&bench.clock, 3 * MINUTES_MS);
	fails_with(&bench, -ENOENT, "instance metadata does not give any more");
	fails_with(&bench, -ENOENT, "instance metadata does not give any more");
	ck_assert_uint_eq(bench.http.n_requests, 7);
}
END_TEST

START_TEST(does_not_ask_at_every_call_for_what_is_always_about_to_expire)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	set_variable(&bench, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2");
	answer(&bench, "GET", "http://169.254.170.2/v2", 200, imds_json(&bench, "ASC", 5));
	gets_from(&bench, "ASC", "container");
	gets_from(&bench, "ASC", "container");
	ck_assert_uint_eq(bench.http.n_requests, 1);
}
END_TEST

START_TEST(goes_on_with_old_ones_of_the_instance_while_aws_has_trouble)
{
	static const int minutes[] = { -30, 1, 15 };

	for (size_t i = 0; i < ARRAY_SIZE(minutes); i++) {
		_cleanup_bench_ struct bench bench;
		uint64_t lasts_ms;

		bench_init(&bench);
		answer_as_instance(&bench, "ASOLD", minutes[i]);
		gets_from(&bench, "ASOLD", "instance metadata");
		lasts_ms = bench.got.expires_ms - bench.clock.now_wall_ms;
		ck_assert_uint_ge(lasts_ms, 17 * MINUTES_MS);
		ck_assert_uint_le(lasts_ms, 25 * MINUTES_MS);
	}
}
END_TEST

START_TEST(extends_nothing_but_what_the_instance_gives)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	set_variable(&bench, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2");
	answer(&bench, "GET", "http://169.254.170.2/v2", 200, imds_json(&bench, "ASC", -1));
	fails_with(&bench, -EKEYEXPIRED, "the AWS credentials (container) have expired");
}
END_TEST

START_TEST(asks_again_when_a_service_says_that_they_have_expired)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	answer_as_instance(&bench, "ASONE", 60);
	gets_from(&bench, "ASONE", "instance metadata");
	credentials_forget(bench.source);
	answer_as_instance(&bench, "ASTWO", 60);
	gets_from(&bench, "ASTWO", "instance metadata");
	gets_from(&bench, "ASTWO", "instance metadata");
	ck_assert_uint_eq(bench.http.n_requests, 6);
}
END_TEST

START_TEST(reads_the_files_anew_each_time)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	tree_write(bench.home, ".aws/credentials",
		   "[default]\naws_access_key_id = AKONE\naws_secret_access_key = PLANTED\n");
	gets_from(&bench, "AKONE", "credentials file");
	tree_write(bench.home, ".aws/credentials",
		   "[default]\naws_access_key_id = AKTWO\naws_secret_access_key = PLANTED\n");
	gets_from(&bench, "AKONE", "credentials file");
	credentials_forget(bench.source);
	gets_from(&bench, "AKTWO", "credentials file");
}
END_TEST

/* --- region ---------------------------------------------------------------------------------- */

static int region_of(struct bench *bench, char region[CREDENTIALS_REGION_MAX])
{
	if (!bench->source)
		ck_assert_int_eq(credentials_open(&bench->options, &bench->source), 0);
	return credentials_region(bench->source, bench->clock.now_wall_ms, region, &bench->fault);
}

static void has_region(struct bench *bench, const char *expected)
{
	char region[CREDENTIALS_REGION_MAX];
	int r = region_of(bench, region);

	ck_assert_msg(r == 0, "%s", bench->fault.text);
	ck_assert_str_eq(region, expected);
}

START_TEST(finds_the_region_in_the_order_of_the_aws_cli)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	answer(&bench, "PUT", IMDS "/latest/api/token", 200, "PLANTED");
	answer(&bench, "GET", IMDS "/latest/meta-data/placement/region", 200, "ap-south-1");
	has_region(&bench, "ap-south-1");
	ck_assert_str_eq(fake_http_header(request_of(&bench, 1), "X-aws-ec2-metadata-token"),
			 PLANTED);
	tree_write(bench.home, ".aws/config", "[default]\nregion = eu-west-3\n");
	has_region(&bench, "eu-west-3");
	set_variable(&bench, "AWS_DEFAULT_REGION", "eu-west-2");
	has_region(&bench, "eu-west-2");
	set_variable(&bench, "AWS_REGION", "eu-west-1");
	has_region(&bench, "eu-west-1");
	credentials_close(take_ptr(bench.source));
	bench.options.region = "us-east-2";
	has_region(&bench, "us-east-2");
}
END_TEST

START_TEST(refuses_a_region_that_could_not_be_a_part_of_a_host)
{
	_cleanup_bench_ struct bench bench;
	char region[CREDENTIALS_REGION_MAX];

	bench_init(&bench);
	set_variable(&bench, "AWS_REGION", "evil.example/?");
	ck_assert_int_eq(region_of(&bench, region), -EINVAL);
	ck_assert_str_eq(bench.fault.text, "AWS_REGION: 'evil.example/?' is no AWS region");
}
END_TEST

START_TEST(says_where_to_put_a_region_when_there_is_none)
{
	_cleanup_bench_ struct bench bench;
	char region[CREDENTIALS_REGION_MAX];

	bench_init(&bench);
	set_variable(&bench, "AWS_EC2_METADATA_DISABLED", "true");
	ck_assert_int_eq(region_of(&bench, region), -ENOENT);
	ck_assert_str_eq(bench.fault.text, "no AWS region is set");
	ck_assert(has_cure(&bench, "AWS_REGION"));
}
END_TEST

/* --- endpoints ------------------------------------------------------------------------------- */

static int endpoint_of(struct bench *bench, enum aws_service service, const char *url,
		       struct endpoint *ret)
{
	if (!bench->source)
		ck_assert_int_eq(credentials_open(&bench->options, &bench->source), 0);
	return credentials_endpoint(bench->source, service, url, "eu-west-1", ret, &bench->fault);
}

static void has_endpoint(struct bench *bench, enum aws_service service, const char *expected)
{
	struct endpoint endpoint;
	int r = endpoint_of(bench, service, NULL, &endpoint);

	ck_assert_msg(r == 0, "%s", bench->fault.text);
	ck_assert_str_eq(endpoint.url, expected);
	ck_assert_str_eq(endpoint.region, "eu-west-1");
}

START_TEST(lets_endpoints_be_configured)
{
	_cleanup_bench_ struct bench bench;
	struct endpoint endpoint;

	bench_init(&bench);
	has_endpoint(&bench, AWS_SQS, "https://sqs.eu-west-1.amazonaws.com");
	tree_write(bench.home, ".aws/config",
		   "[default]\nendpoint_url = http://profile\nservices = s\n[services s]\n"
		   "secrets_manager =\n endpoint_url = http://section/\n");
	has_endpoint(&bench, AWS_SQS, "http://profile");
	has_endpoint(&bench, AWS_SECRETSMANAGER, "http://section");
	set_variable(&bench, "AWS_ENDPOINT_URL", "http://127.0.0.1:4566/");
	has_endpoint(&bench, AWS_SECRETSMANAGER, "http://127.0.0.1:4566");
	set_variable(&bench, "AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://[::1]:1");
	has_endpoint(&bench, AWS_SECRETSMANAGER, "http://[::1]:1");
	has_endpoint(&bench, AWS_SQS, "http://127.0.0.1:4566");
	set_variable(&bench, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
	has_endpoint(&bench, AWS_SQS, "https://sqs.eu-west-1.amazonaws.com");
	ck_assert_int_eq(endpoint_of(&bench, AWS_SQS, "http://flag/", &endpoint), 0);
	ck_assert_str_eq(endpoint.url, "http://flag");
}
END_TEST

START_TEST(heeds_the_switches_of_the_profile)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	tree_write(bench.home, ".aws/config",
		   "[default]\nendpoint_url = http://profile\nuse_fips_endpoint = true\n"
		   "use_dualstack_endpoint = True\nignore_configured_endpoint_urls = TRUE\n");
	has_endpoint(&bench, AWS_SQS, "https://sqs-fips.eu-west-1.api.aws");
	set_variable(&bench, "AWS_USE_FIPS_ENDPOINT", "false");
	has_endpoint(&bench, AWS_SQS, "https://sqs.eu-west-1.api.aws");
	set_variable(&bench, "AWS_USE_DUALSTACK_ENDPOINT", "false");
	set_variable(&bench, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false");
	has_endpoint(&bench, AWS_SQS, "http://profile");
}
END_TEST

START_TEST(refuses_a_switch_of_the_profile_that_says_neither)
{
	static const char *const keys[] = { "ignore_configured_endpoint_urls", "use_fips_endpoint",
					    "use_dualstack_endpoint" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		_cleanup_bench_ struct bench bench;
		_cleanup_free_ char *config = str_format("[default]\n%s = yes\n", keys[i]);
		_cleanup_free_ char *text =
			str_format("%s of the profile: 'yes' is neither true nor false", keys[i]);
		struct endpoint endpoint;

		bench_init(&bench);
		tree_write(bench.home, ".aws/config", config);
		ck_assert_int_eq(endpoint_of(&bench, AWS_SQS, NULL, &endpoint), -EINVAL);
		ck_assert_str_eq(bench.fault.text, text);
		ck_assert(has_cure(&bench, "true or false"));
	}
}
END_TEST

START_TEST(refuses_an_endpoint_that_is_no_url)
{
	_cleanup_bench_ struct bench bench;
	struct endpoint endpoint;

	bench_init(&bench);
	set_variable(&bench, "AWS_ENDPOINT_URL", "localhost:4566");
	ck_assert_int_eq(endpoint_of(&bench, AWS_SQS, NULL, &endpoint), -EINVAL);
	ck_assert_str_eq(bench.fault.text, "the endpoint's URL that is configured for sqs is none");
	ck_assert(has_cure(&bench, "http://HOST:PORT"));
}
END_TEST

TEST_MAIN(asks_in_the_order_of_the_aws_cli, asks_the_instance_last,
	  says_what_to_do_when_there_are_none,
	  does_not_act_as_somebody_else_when_what_is_configured_fails,
	  reads_keys_of_the_environment, refuses_a_bad_or_past_expiration_of_the_environment,
	  takes_an_empty_variable_for_none, keeps_what_it_has_while_that_is_valid,
	  gets_new_ones_a_quarter_of_an_hour_ahead,
	  goes_on_with_the_old_ones_when_new_ones_cannot_be_had_yet,
	  does_not_ask_at_every_call_for_what_is_always_about_to_expire,
	  goes_on_with_old_ones_of_the_instance_while_aws_has_trouble,
	  extends_nothing_but_what_the_instance_gives,
	  asks_again_when_a_service_says_that_they_have_expired, reads_the_files_anew_each_time,
	  finds_the_region_in_the_order_of_the_aws_cli,
	  refuses_a_region_that_could_not_be_a_part_of_a_host,
	  says_where_to_put_a_region_when_there_is_none, lets_endpoints_be_configured,
	  heeds_the_switches_of_the_profile, refuses_a_switch_of_the_profile_that_says_neither,
	  refuses_an_endpoint_that_is_no_url)
