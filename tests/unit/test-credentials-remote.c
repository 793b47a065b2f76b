/* Credentials that a token or a place leads to: web identity, GitHub, container, instance. */

#include "tests/unit/credentials-fixture.h"

/* A bench where STS is asked in a known region. */
static void init_in_region(struct bench *bench)
{
	bench_init(bench);
	set_variable(bench, "AWS_REGION", "eu-west-1");
	set_variable(bench, "AWS_EC2_METADATA_DISABLED", "true");
}

/* --- web identity ---------------------------------------------------------------------------- */

START_TEST(trades_the_token_of_a_file_for_credentials)
{
	_cleanup_bench_ struct bench bench;
	const struct fake_request *request;

	init_in_region(&bench);
	tree_write(bench.home, "token", "PLANTED-jwt\n");
	set_variable(&bench, "AWS_WEB_IDENTITY_TOKEN_FILE", "~/token");
	set_variable(&bench, "AWS_ROLE_ARN", "arn:r");
	set_variable(&bench, "AWS_ROLE_SESSION_NAME", "pod");
	answer(&bench, "POST", STS_URL, 200, sts_xml(&bench, "ASWEB", 60));
	gets_from(&bench, "ASWEB", "web identity of the environment");
	request = request_of(&bench, 0);
	ck_assert_str_eq(request->body,
			 "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Ar&"
			 "RoleSessionName=pod&WebIdentityToken=PLANTED-jwt");
	ck_assert_ptr_null(fake_http_header(request, "Authorization"));
	ck_assert(!strstr(request->url, PLANTED));
}
END_TEST

START_TEST(reads_the_token_anew_each_time)
{
	_cleanup_bench_ struct bench bench;
	char first[2048];

	init_in_region(&bench);
	set_variable(&bench, "AWS_WEB_IDENTITY_TOKEN_FILE", "~/token");
	set_variable(&bench, "AWS_ROLE_ARN", "arn:r");
	tree_write(bench.home, "token", "PLANTED-one");
	(void)snprintf(first, sizeof(first), "%s", sts_xml(&bench, "ASONE", 60));
	answer(&bench, "POST", STS_URL, 200, first);
	gets_from(&bench, "ASONE", "web identity of the environment");
	tree_write(bench.home, "token", "PLANTED-two");
	fake_advance(&bench.clock, 50 * MINUTES_MS);
	answer(&bench, "POST", STS_URL, 200, sts_xml(&bench, "ASTWO", 60));
	gets_from(&bench, "ASTWO", "web identity of the environment");
	ck_assert(strstr(request_of(&bench, 1)->body, "WebIdentityToken=PLANTED-two"));
}
END_TEST

START_TEST(trades_the_token_of_a_profile)
{
	_cleanup_bench_ struct bench bench;

	init_in_region(&bench);
	tree_write(bench.home, "token", "PLANTED-jwt");
	tree_write(bench.home, ".aws/config",
		   "[default]\nweb_identity_token_file = ~/token\nrole_arn = arn:p\n");
	answer(&bench, "POST", STS_URL, 200, sts_xml(&bench, "ASWEB", 60));
	gets_from(&bench, "ASWEB", "web identity of the profile");
	ck_assert(strstr(request_of(&bench, 0)->body, "RoleArn=arn%3Ap&"));
}
END_TEST

START_TEST(says_what_is_wrong_with_a_web_identity)
{
	_cleanup_bench_ struct bench bench;
	_cleanup_free_ char *missing = NULL, *two_lines = NULL;

	init_in_region(&bench);
	missing = str_format("web identity: cannot read the token in %s/token: No such file or "
			     "directory",
			     bench.home->path);
	two_lines = str_format("web identity: %s/token holds no token: it is not one line",
			       bench.home->path);
	set_variable(&bench, "AWS_WEB_IDENTITY_TOKEN_FILE", "~/token");
	fails_with(&bench, -EINVAL, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
	set_variable(&bench, "AWS_ROLE_ARN", "arn:r");
	fails_with(&bench, -ENOENT, missing);
	tree_write(bench.home, "token", "PLANTED\nPLANTED\n");
	fails_with(&bench, -EBADMSG, two_lines);
	tree_write(bench.home, "token", "PLANTED");
	answer(&bench, "POST", STS_URL, 400,
	       "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>No provider.</"
	       "Message></Error></ErrorResponse>");
	fails_with(&bench, -EACCES, "web identity: HTTP 400 InvalidIdentityToken: No provider.");
}
END_TEST

/* --- GitHub ---------------------------------------------------------------------------------- */

#define GITHUB_URL "https://pipelines.example/token?api-version=2"

static void init_github(struct bench *bench)
{
	init_in_region(bench);
	set_variable(bench, "ACTIONS_ID_TOKEN_REQUEST_URL", GITHUB_URL);
	set_variable(bench, "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "PLANTED-request");
	set_variable(bench, "AWS_ROLE_ARN", "arn:r");
}

START_TEST(trades_a_token_of_github)
{
	_cleanup_bench_ struct bench bench;

	init_github(&bench);
	answer(&bench, "GET", GITHUB_URL "&audience=sts.amazonaws.com", 200,
	       "{\"count\":1,\"value\":\"PLANTED-jwt\"}");
	answer(&bench, "POST", STS_URL, 200, sts_xml(&bench, "ASGITHUB", 60));
	gets_from(&bench, "ASGITHUB", "GitHub OIDC");
	ck_assert_str_eq(fake_http_header(request_of(&bench, 0), "Authorization"),
			 "Bearer PLANTED-request");
	ck_assert(strstr(request_of(&bench, 1)->body, "&WebIdentityToken=PLANTED-jwt"));
}
END_TEST

START_TEST(says_which_permission_github_wants)
{
	_cleanup_bench_ struct bench bench;

	init_github(&bench);
	answer(&bench, "GET", NULL, 403, "PLANTED");
	fails_with(&bench, -EACCES, "GitHub OIDC: HTTP 403");
	ck_assert(has_cure(&bench, "id-token: write"));
}
END_TEST

START_TEST(shows_its_token_to_github_over_https_only)
{
	_cleanup_bench_ struct bench bench;

	init_github(&bench);
	set_variable(&bench, "ACTIONS_ID_TOKEN_REQUEST_URL", "http://pipelines.example/t?PLANTED");
	fails_with(&bench, -EINVAL,
		   "ACTIONS_ID_TOKEN_REQUEST_URL, 'http://pipelines.example/t?...', "
		   "is no https URL");
	ck_assert_uint_eq(bench.http.n_requests, 0);
}
END_TEST

START_TEST(refuses_an_answer_of_github_without_a_token)
{
	static const char *const bodies[] = { "PLANTED", "[]", "{}", "{\"value\":\"\"}",
					      "{\"value\":[\"PLANTED\"]}" };

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		_cleanup_bench_ struct bench bench;

		init_github(&bench);
		answer(&bench, "GET", NULL, 200, bodies[i]);
		ck_assert_msg(get(&bench) == -EBADMSG, "%s", bench.fault.text);
	}
}
END_TEST

START_TEST(leaves_github_alone_without_a_role)
{
	_cleanup_bench_ struct bench bench;

	init_github(&bench);
	set_variable(&bench, "AWS_ROLE_ARN", "");
	ck_assert_int_eq(get(&bench), -ENOENT);
	ck_assert_uint_eq(bench.http.n_requests, 0);
}
END_TEST

/* --- containers ------------------------------------------------------------------------------ */

START_TEST(asks_ecs_by_a_path)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	set_variable(&bench, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
	answer(&bench, "GET", "http://169.254.170.2/v2/credentials/1", 200,
	       imds_json(&bench, "ASECS", 60));
	gets_from(&bench, "ASECS", "container");
	ck_assert_ptr_null(fake_http_header(request_of(&bench, 0), "Authorization"));
	ck_assert_uint_eq(request_of(&bench, 0)->timeout_usec, 2 * USEC_PER_SEC);
}
END_TEST

START_TEST(asks_eks_with_the_token_that_the_file_holds_now)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	set_variable(&bench, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/c");
	set_variable(&bench, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "~/token");
	set_variable(&bench, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "other");
	tree_write(bench.home, "token", "PLANTED-one\n");
	answer(&bench, "GET", NULL, 200, imds_json(&bench, "ASEKS", 60));
	gets_from(&bench, "ASEKS", "container");
	ck_assert_str_eq(fake_http_header(request_of(&bench, 0), "Authorization"), "PLANTED-one");
	tree_write(bench.home, "token", "PLANTED-two\n");
	credentials_forget(bench.source);
	answer(&bench, "GET", NULL, 200, imds_json(&bench, "ASEKS", 60));
	gets_from(&bench, "ASEKS", "container");
	ck_assert_str_eq(fake_http_header(request_of(&bench, 1), "Authorization"), "PLANTED-two");
}
END_TEST

START_TEST(asks_without_tls_only_whom_nobody_can_pretend_to_be)
{
	static const struct {
		const char *url;
		bool allowed;
	} cases[] = {
		{ "https://anywhere.example/c", true },
		{ "http://localhost:80/c", true },
		{ "http://127.0.0.1:1234/c", true },
		{ "http://127.9.9.9/c", true },
		{ "http://[::1]/c", true },
		{ "http://[0:0:0:0:0:0:0:1]/c", true },
		{ "http://169.254.170.2/c", true },
		{ "http://169.254.170.23/c", true },
		{ "http://[fd00:ec2::23]/c", true },
		{ "http://[FD00:EC2:0::23]/c", true },
		{ "http://169.254.170.24/c", false },
		{ "http://169.254.169.254/c", false },
		{ "http://127.0.0.1.evil.example/c", false },
		{ "http://localhost.evil.example/c", false },
		{ "http://126.255.255.255/c", false },
		{ "http://128.0.0.1/c", false },
		{ "http://[fd00:ec2::24]/c", false },
		{ "http://evil.example/c?http://127.0.0.1/", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_bench_ struct bench bench;
		int r;

		bench_init(&bench);
		set_variable(&bench, "AWS_CONTAINER_CREDENTIALS_FULL_URI", cases[i].url);
		answer(&bench, "GET", cases[i].url, 200, imds_json(&bench, "ASC", 60));
		r = get(&bench);
		ck_assert_msg(r == (cases[i].allowed ? 0 : -EPERM), "%s: %d", cases[i].url, r);
		ck_assert_uint_eq(bench.http.n_requests, cases[i].allowed);
		ck_assert(cases[i].allowed || has_cure(&bench, "use https"));
	}
}
END_TEST

START_TEST(says_what_is_wrong_with_a_container)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	set_variable(&bench, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "ftp://h/");
	fails_with(&bench, -EINVAL,
		   "AWS_CONTAINER_CREDENTIALS_FULL_URI, 'ftp://h/', is no http(s) URL");
	set_variable(&bench, "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		     "http://u:PLANTED@127.0.0.1/?PLANTED");
	fails_with(&bench, -EINVAL,
		   "AWS_CONTAINER_CREDENTIALS_FULL_URI, '...@127.0.0.1/?...', is "
		   "no http(s) URL");
	set_variable(&bench, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example/");
	fails_with(&bench, -EINVAL,
		   "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'");
	set_variable(&bench, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c");
	set_variable(&bench, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "PLANTED\r\nX: y");
	fails_with(&bench, -EINVAL, "AWS_CONTAINER_AUTHORIZATION_TOKEN is not one line");
	set_variable(&bench, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "PLANTED");
	answer(&bench, "GET", NULL, 403, "PLANTED");
	fails_with(&bench, -EACCES, "container credentials: HTTP 403");
	answer(&bench, "GET", NULL, 200, "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":1}");
	fails_with(&bench, -EBADMSG,
		   "container credentials: key 'SecretAccessKey': expected string, "
		   "got int");
}
END_TEST

START_TEST(asks_a_container_three_times)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	set_variable(&bench, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c");
	nobody_answers(&bench, -ETIMEDOUT);
	fails_with(&bench, -ETIMEDOUT,
		   "container credentials: http://169.254.170.2/c: Connection timed out");
	ck_assert_uint_eq(bench.http.n_requests, 3);
}
END_TEST

/* --- instances ------------------------------------------------------------------------------- */

START_TEST(shows_an_instance_a_token_in_every_request)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	answer_as_instance(&bench, "ASIMDS", 60);
	gets_from(&bench, "ASIMDS", "instance metadata");
	ck_assert_str_eq(
		fake_http_header(request_of(&bench, 0), "X-aws-ec2-metadata-token-ttl-seconds"),
		"21600");
	for (size_t i = 1; i < 3; i++)
		ck_assert_str_eq(
			fake_http_header(request_of(&bench, i), "X-aws-ec2-metadata-token"),
			"PLANTED-metadata");
	ck_assert_str_eq(secret_reveal(&bench.got.session_token), "PLANTED-token");
}
END_TEST

START_TEST(asks_the_instance_where_it_is_told_to)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	set_variable(&bench, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6");
	nobody_answers(&bench, -EHOSTUNREACH);
	ck_assert_int_eq(get(&bench), -ENOENT);
	ck_assert_str_eq(request_of(&bench, 0)->url, "http://[fd00:ec2::254]/latest/api/token");
	set_variable(&bench, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338/");
	ck_assert_int_eq(get(&bench), -ENOENT);
	ck_assert_str_eq(request_of(&bench, 1)->url, "http://127.0.0.1:1338/latest/api/token");
	set_variable(&bench, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "127.0.0.1");
	fails_with(&bench, -EINVAL,
		   "AWS_EC2_METADATA_SERVICE_ENDPOINT, '127.0.0.1', is no http(s) URL");
	set_variable(&bench, "AWS_EC2_METADATA_DISABLED", "true");
	ck_assert_int_eq(get(&bench), -ENOENT);
	ck_assert_uint_eq(bench.http.n_requests, 2);
}
END_TEST

START_TEST(says_what_is_wrong_with_an_instance)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	answer(&bench, "PUT", NULL, 403, "PLANTED");
	fails_with(&bench, -EACCES, "instance metadata: HTTP 403 for a token");
	ck_assert(has_cure(&bench, "AWS_EC2_METADATA_DISABLED"));
	answer(&bench, "PUT", NULL, 200, "PLANTED\nX: y");
	fails_with(&bench, -EBADMSG, "instance metadata: the token is not one line");
	answer(&bench, "PUT", NULL, 200, PLANTED);
	answer(&bench, "GET", NULL, 404, NULL);
	fails_with(&bench, -ENOENT, "this instance has no role");
	ck_assert(has_cure(&bench, "attach an instance profile"));
	answer(&bench, "PUT", NULL, 200, PLANTED);
	answer(&bench, "GET", NULL, 200, "../../user-data");
	fails_with(&bench, -EBADMSG, "instance metadata: the name of the role is none");
	answer(&bench, "PUT", NULL, 200, PLANTED);
	answer(&bench, "GET", NULL, 200, "runner");
	answer(&bench, "GET", NULL, 500, PLANTED);
	fails_with(&bench, -EACCES, "instance metadata: HTTP 500 for the role's credentials");
	answer(&bench, "PUT", NULL, 200, PLANTED);
	answer(&bench, "GET", NULL, 200, "runner");
	answer(&bench, "GET", NULL, 200, "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}");
	fails_with(&bench, -EACCES,
		   "instance metadata: it answers with the code "
		   "'AssumeRoleUnauthorizedAccess'");
}
END_TEST

START_TEST(shows_nothing_of_an_answer_that_is_broken_anywhere)
{
	static const char whole[] = "{\"Code\":\"Success\",\"AccessKeyId\":\"AK\","
				    "\"SecretAccessKey\":\"PLANTED-a\",\"Token\":\"PLANTED-b\"}";

	for (size_t size = 0; size + 1 < sizeof(whole); size++) {
		_cleanup_bench_ struct bench bench;
		char part[sizeof(whole)];

		bench_init(&bench);
		(void)snprintf(part, sizeof(part), "%.*s", (int)size, whole);
		set_variable(&bench, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c");
		answer(&bench, "GET", NULL, 200, part);
		/* Looks for what was planted, too. */
		ck_assert_int_eq(get(&bench), -EBADMSG);
	}
}
END_TEST

TEST_MAIN(trades_the_token_of_a_file_for_credentials, reads_the_token_anew_each_time,
	  trades_the_token_of_a_profile, says_what_is_wrong_with_a_web_identity,
	  trades_a_token_of_github, says_which_permission_github_wants,
	  shows_its_token_to_github_over_https_only, refuses_an_answer_of_github_without_a_token,
	  leaves_github_alone_without_a_role, asks_ecs_by_a_path,
	  asks_eks_with_the_token_that_the_file_holds_now,
	  asks_without_tls_only_whom_nobody_can_pretend_to_be, says_what_is_wrong_with_a_container,
	  asks_a_container_three_times, shows_an_instance_a_token_in_every_request,
	  asks_the_instance_where_it_is_told_to, says_what_is_wrong_with_an_instance,
	  shows_nothing_of_an_answer_that_is_broken_anywhere)
