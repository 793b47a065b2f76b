/* Credentials that profiles lead to: keys, roles, programs, and what only the AWS CLI can do. */

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "common/base/parse.h"
#include "tests/unit/credentials-fixture.h"

#define NOBODY 65534
#define PATH_TEXT_MAX 4096
#define PROGRAM_MAX (64 * 1024 * 1024)

static void write_config(struct bench *bench, const char *text)
{
	tree_write(bench->home, ".aws/config", text);
}

static void use_profile(struct bench *bench, const char *name)
{
	bench_init(bench);
	set_variable(bench, "AWS_EC2_METADATA_DISABLED", "true");
	bench->options.profile = name;
}

/* --- keys ------------------------------------------------------------------------------------ */

START_TEST(reads_keys_of_either_file_and_prefers_credentials)
{
	_cleanup_bench_ struct bench bench;

	use_profile(&bench, "x");
	write_config(&bench, "[profile x]\naws_access_key_id = AKCONFIG\n"
			     "aws_secret_access_key = PLANTED-config\n");
	gets_from(&bench, "AKCONFIG", "config file");
	credentials_close(take_ptr(bench.source));
	tree_write(bench.home, ".aws/credentials",
		   "[x]\naws_access_key_id = AKFILE\naws_secret_access_key = PLANTED-file\n"
		   "aws_session_token = PLANTED-session\n");
	gets_from(&bench, "AKFILE", "credentials file");
	ck_assert_str_eq(secret_reveal(&bench.got.secret_key), "PLANTED-file");
	ck_assert_str_eq(secret_reveal(&bench.got.session_token), "PLANTED-session");
}
END_TEST

START_TEST(reads_files_that_variables_name)
{
	_cleanup_bench_ struct bench bench;

	bench_init(&bench);
	tree_write(bench.home, "a", "[profile x]\nregion = r\n");
	tree_write(bench.home, "b",
		   "[x]\naws_access_key_id = AK\n"
		   "aws_secret_access_key = PLANTED\n");
	set_variable(&bench, "AWS_CONFIG_FILE", "~/a");
	set_variable(&bench, "AWS_SHARED_CREDENTIALS_FILE", "~/b");
	set_variable(&bench, "AWS_DEFAULT_PROFILE", "x");
	gets_from(&bench, "AK", "credentials file");
}
END_TEST

START_TEST(knows_which_keys_others_can_read)
{
	static const char keys[] = "[x]\naws_access_key_id = AK\naws_secret_access_key = PLANTED\n";
	_cleanup_bench_ struct bench bench;
	_cleanup_free_ char *path = NULL;

	use_profile(&bench, "x");
	path = str_format("%s/.aws/credentials", bench.home->path);
	tree_write(bench.home, ".aws/credentials", keys);
	ck_assert_int_eq(chmod(path, 0600), 0);
	gets_from(&bench, "AK", "credentials file");
	ck_assert_ptr_null(credentials_exposed(bench.source));
	ck_assert_int_eq(chmod(path, 0640), 0);
	credentials_forget(bench.source);
	gets_from(&bench, "AK", "credentials file");
	ck_assert_str_eq(credentials_exposed(bench.source), path);
}
END_TEST

START_TEST(refuses_a_profile_that_is_not_there)
{
	_cleanup_bench_ struct bench bench;

	use_profile(&bench, "nobody");
	fails_with(&bench, -ENOENT, "there is no AWS profile 'nobody'");
	ck_assert(has_cure(&bench, "list-profiles"));
}
END_TEST

START_TEST(refuses_half_a_key)
{
	_cleanup_bench_ struct bench bench;

	use_profile(&bench, "x");
	write_config(&bench, "[profile x]\naws_secret_access_key = PLANTED\n");
	fails_with(&bench, -EINVAL,
		   "the AWS profile 'x' has aws_secret_access_key, but no aws_access_key_id");
}
END_TEST

START_TEST(says_where_a_file_cannot_be_read)
{
	_cleanup_bench_ struct bench bench;
	_cleanup_free_ char *expected = NULL;

	use_profile(&bench, "x");
	expected = str_format("%s/.aws/config:2: neither a [section] nor 'key = value'",
			      bench.home->path);
	write_config(&bench, "[profile x]\nPLANTED\n");
	fails_with(&bench, -EINVAL, expected);
}
END_TEST

/* --- roles ----------------------------------------------------------------------------------- */

#define KEYS_OF_BASE                                   \
	"[profile base]\naws_access_key_id = AKBASE\n" \
	"aws_secret_access_key = PLANTED-base\n"       \
	"aws_session_token = PLANTED-base-session\n"

START_TEST(assumes_a_role_with_the_keys_of_another_profile)
{
	_cleanup_bench_ struct bench bench;
	const struct fake_request *request;

	use_profile(&bench, "x");
	write_config(&bench, KEYS_OF_BASE
		     "[profile x]\nregion = eu-west-1\nrole_arn = arn:aws:iam::1:role/r\n"
		     "source_profile = base\nexternal_id = a+b/c\nduration_seconds = 3600\n"
		     "role_session_name = me@here\n");
	answer(&bench, "POST", STS_URL, 200, sts_xml(&bench, "ASROLE", 60));
	gets_from(&bench, "ASROLE", "role of the profile");
	ck_assert_str_eq(secret_reveal(&bench.got.secret_key), "PLANTED-sts&");
	ck_assert_str_eq(secret_reveal(&bench.got.session_token), "PLANTED-session");
	ck_assert_uint_eq(bench.got.expires_ms, bench.clock.now_wall_ms + 60 * MINUTES_MS);

	request = request_of(&bench, 0);
	ck_assert_str_eq(request->body,
			 "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3A"
			 "role%2Fr&RoleSessionName=me%40here&DurationSeconds=3600&ExternalId=a%2Bb"
			 "%2Fc");
	ck_assert_str_eq(fake_http_header(request, "X-Amz-Security-Token"), "PLANTED-base-session");
	ck_assert(strstr(fake_http_header(request, "Authorization"),
			 "Credential=AKBASE/20270115/eu-west-1/sts/aws4_request, SignedHeaders="
			 "content-type;host;x-amz-date;x-amz-security-token, "));
}
END_TEST

START_TEST(assumes_one_role_with_another)
{
	_cleanup_bench_ struct bench bench;
	char first[2048];

	use_profile(&bench, "x");
	write_config(&bench, KEYS_OF_BASE
		     "[profile y]\nrole_arn = arn:y\nsource_profile = base\n"
		     "[profile x]\nregion = eu-west-1\nrole_arn = arn:x\nsource_profile = y\n");
	(void)snprintf(first, sizeof(first), "%s", sts_xml(&bench, "ASFIRST", 60));
	answer(&bench, "POST", STS_URL, 200, first);
	answer(&bench, "POST", STS_URL, 200, sts_xml(&bench, "ASSECOND", 60));
	gets_from(&bench, "ASSECOND", "role of the profile");
	ck_assert(strstr(request_of(&bench, 0)->body, "RoleArn=arn%3Ay&"));
	ck_assert(strstr(request_of(&bench, 0)->body, "RoleSessionName=paddock-1800000000"));
	ck_assert(strstr(request_of(&bench, 1)->body, "RoleArn=arn%3Ax&"));
	ck_assert(strstr(fake_http_header(request_of(&bench, 1), "Authorization"),
			 "Credential=ASFIRST/"));
}
END_TEST

START_TEST(assumes_a_role_with_keys_beside_it)
{
	_cleanup_bench_ struct bench bench;

	use_profile(&bench, "x");
	write_config(&bench, "[profile x]\nrole_arn = arn:x\nsource_profile = x\n"
			     "aws_access_key_id = AKX\naws_secret_access_key = PLANTED\n");
	/* Without a region STS is asked where it was before it had regions. */
	answer(&bench, "POST", "https://sts.amazonaws.com/", 200, sts_xml(&bench, "ASX", 60));
	gets_from(&bench, "ASX", "role of the profile");
	ck_assert(strstr(fake_http_header(request_of(&bench, 0), "Authorization"),
			 "/us-east-1/sts/"));
}
END_TEST

START_TEST(assumes_a_role_with_what_credential_source_names)
{
	_cleanup_bench_ struct bench bench;

	use_profile(&bench, "x");
	write_config(&bench, "[profile x]\nregion = eu-west-1\nrole_arn = arn:x\n"
			     "credential_source = Environment\n");
	fails_with(&bench, -ENOENT,
		   "credential_source of the AWS profile 'x', Environment, has no credentials");
	set_variable(&bench, "AWS_ACCESS_KEY_ID", "AKENV");
	set_variable(&bench, "AWS_SECRET_ACCESS_KEY", "PLANTED");
	answer(&bench, "POST", STS_URL, 200, sts_xml(&bench, "ASX", 60));
	gets_from(&bench, "ASX", "role of the profile");
	ck_assert(strstr(fake_http_header(request_of(&bench, 0), "Authorization"), "=AKENV/"));
}
END_TEST

START_TEST(asks_sts_where_it_is_configured)
{
	_cleanup_bench_ struct bench bench;

	use_profile(&bench, "x");
	set_variable(&bench, "AWS_ENDPOINT_URL_STS", "http://127.0.0.1:5000/");
	write_config(&bench, KEYS_OF_BASE "[profile x]\nrole_arn = arn:x\nsource_profile = base\n");
	answer(&bench, "POST", "http://127.0.0.1:5000/", 200, sts_xml(&bench, "ASX", 60));
	gets_from(&bench, "ASX", "role of the profile");
}
END_TEST

START_TEST(refuses_roles_that_lead_nowhere)
{
	static const struct {
		const char *config, *fault;
	} cases[] = {
		{ "[profile x]\nrole_arn = r\n",
		  "the AWS profile 'x' has role_arn, but neither source_profile nor "
		  "credential_source" },
		{ "[profile x]\nrole_arn = r\nsource_profile = y\ncredential_source = "
		  "Environment\n",
		  "the AWS profile 'x' has role_arn, but both source_profile and "
		  "credential_source" },
		{ "[profile x]\nrole_arn = r\nsource_profile = x\n",
		  "the AWS profile 'x', source_profile of 'x', leads back to itself" },
		{ "[profile x]\nrole_arn = r\nsource_profile = y\n[profile y]\nrole_arn = s\n"
		  "source_profile = z\n[profile z]\nrole_arn = t\nsource_profile = y\n",
		  "the AWS profile 'y', source_profile of 'z', leads back to itself" },
		{ "[profile x]\nrole_arn = r\nsource_profile = y\n",
		  "the AWS profile 'y', source_profile of 'x', is not there" },
		{ "[profile x]\nrole_arn = r\nsource_profile = y\n[profile y]\nregion = z\n",
		  "the AWS profile 'y', source_profile of 'x', has no credentials" },
		{ "[profile x]\nrole_arn = r\ncredential_source = Moon\n",
		  "credential_source of the AWS profile 'x': 'Moon' is unknown" },
		{ KEYS_OF_BASE "[profile x]\nrole_arn = r\nsource_profile = base\n"
			       "duration_seconds = 60\n",
		  "role of the AWS profile 'x': duration_seconds is '60', not 900 to 43200" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_bench_ struct bench bench;

		use_profile(&bench, "x");
		write_config(&bench, cases[i].config);
		fails_with(&bench, -EINVAL, cases[i].fault);
		ck_assert_uint_eq(bench.http.n_requests, 0);
	}
}
END_TEST

START_TEST(says_what_sts_says_but_not_the_request_behind_it)
{
	_cleanup_bench_ struct bench bench;

	use_profile(&bench, "x");
	write_config(&bench, KEYS_OF_BASE
		     "[profile x]\nregion = eu-west-1\nrole_arn = r\nsource_profile = base\n");
	answer(&bench, "POST", STS_URL, 403,
	       "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code>"
	       "<Message>The signatures differ.\n\nThe Canonical String for this request should "
	       "have been\n'POST\nx-amz-security-token:PLANTED'</Message></Error></ErrorResponse>");
	fails_with(&bench, -EACCES,
		   "role of the AWS profile 'x': HTTP 403 SignatureDoesNotMatch: The signatures "
		   "differ.");
	ck_assert_int_eq(bench.fault.status, 403);
	ck_assert_str_eq(bench.fault.code, "SignatureDoesNotMatch");
}
END_TEST

START_TEST(asks_sts_three_times_while_it_has_trouble)
{
	_cleanup_bench_ struct bench bench;

	use_profile(&bench, "x");
	write_config(&bench, KEYS_OF_BASE
		     "[profile x]\nregion = eu-west-1\nrole_arn = r\nsource_profile = base\n");
	answer(&bench, "POST", STS_URL, 503, "PLANTED busy");
	answer(&bench, "POST", STS_URL, 500, NULL);
	answer(&bench, "POST", STS_URL, 503, NULL);
	fails_with(&bench, -EREMOTEIO, "role of the AWS profile 'x': HTTP 503");
	ck_assert_uint_eq(bench.http.n_requests, 3);
	/* Each is signed anew. */
	ck_assert_ptr_nonnull(fake_http_header(request_of(&bench, 2), "Authorization"));
	nobody_answers(&bench, -EHOSTUNREACH);
	fails_with(&bench, -EHOSTUNREACH,
		   "role of the AWS profile 'x': https://sts.eu-west-1.amazonaws.com/: No route to "
		   "host");
}
END_TEST

START_TEST(refuses_an_answer_of_sts_without_credentials)
{
	static const char *const bodies[] = {
		NULL, "PLANTED", "<a/>", "<Credentials><AccessKeyId>a</AccessKeyId></Credentials>",
		"<!DOCTYPE a [<!ENTITY b \"PLANTED\">]><a>&b;</a>"
	};

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		_cleanup_bench_ struct bench bench;

		use_profile(&bench, "x");
		write_config(&bench, KEYS_OF_BASE "[profile x]\nregion = eu-west-1\nrole_arn = r\n"
						  "source_profile = base\n");
		answer(&bench, "POST", STS_URL, 200, bodies[i]);
		fails_with(&bench, -EBADMSG,
			   "role of the AWS profile 'x': the answer holds no credentials that can "
			   "be read");
	}
}
END_TEST

/* --- what takes a person --------------------------------------------------------------------- */

START_TEST(names_the_way_out_for_what_takes_a_person)
{
	static const struct {
		const char *config, *fault;
	} cases[] = {
		{ "sso_session = s\n", "a sign-in by SSO" },
		{ "sso_start_url = s\n", "a sign-in by SSO" },
		{ "login_session = s\n", "'aws login'" },
		{ "role_arn = r\nsource_profile = y\nmfa_serial = m\n",
		  "a code of a second factor (mfa_serial)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_bench_ struct bench bench;
		char text[256];

		use_profile(&bench, "x");
		(void)snprintf(text, sizeof(text), "[profile x]\n%s", cases[i].config);
		write_config(&bench, text);
		(void)snprintf(text, sizeof(text),
			       "the AWS profile 'x' needs %s, which takes a person",
			       cases[i].fault);
		fails_with(&bench, -EOPNOTSUPP, text);
		ck_assert(has_cure(&bench, "credential_process = aws configure export-credentials "
					   "--profile x"));
	}
}
END_TEST

/* --- programs -------------------------------------------------------------------------------- */

/* A profile with a program, which is a script of sh. */
static void use_program(struct bench *bench, const char *script)
{
	char config[512];

	use_profile(bench, "x");
	tree_write(bench->home, "give keys", script);
	(void)snprintf(config, sizeof(config),
		       "[profile x]\ncredential_process = sh \"%s/give keys\" 'a b' c\\ d\n",
		       bench->home->path);
	write_config(bench, config);
	bench->options.clock = &clock_system;
}

#define GOOD_OUTPUT                                                                    \
	"{\"Version\":1,\"AccessKeyId\":\"ASPROC\",\"SecretAccessKey\":\"PLANTED-p\"," \
	"\"SessionToken\":\"PLANTED-t\",\"Expiration\":\"2030-01-01T00:00:00+00:00\"}"

START_TEST(runs_a_program_without_a_shell)
{
	_cleanup_bench_ struct bench bench;

	use_program(&bench, "test \"$#/$1/$2\" = '2/a b/c d' || exit 3\n"
			    "echo PLANTED >&2\necho '" GOOD_OUTPUT "'\n");
	gets_from(&bench, "ASPROC", "credential_process");
	ck_assert_str_eq(secret_reveal(&bench.got.secret_key), "PLANTED-p");
	ck_assert_str_eq(secret_reveal(&bench.got.session_token), "PLANTED-t");
	ck_assert_uint_eq(bench.got.expires_ms, 1893456000000);
}
END_TEST

START_TEST(says_how_a_program_failed_without_showing_what_it_prints)
{
	static const struct {
		const char *script;
		int r;
		const char *fault;
	} cases[] = {
		{ "echo PLANTED; echo PLANTED >&2; exit 7\n", -EIO, "failed with exit status 7" },
		{ "kill -TERM $$\n", -EIO, "was killed by signal 15" },
		{ "head -c 70000 /dev/zero\n", -EFBIG, "prints more than 65536 bytes" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_bench_ struct bench bench;
		char text[256];

		use_program(&bench, cases[i].script);
		(void)snprintf(text, sizeof(text), "credential_process of the AWS profile 'x' %s",
			       cases[i].fault);
		fails_with(&bench, cases[i].r, text);
		ck_assert(has_cure(&bench, "run the program by hand"));
	}
}
END_TEST

START_TEST(refuses_what_a_program_prints_when_it_is_no_answer)
{
	static const char *const outputs[] = {
		"PLANTED",
		"[\"PLANTED\"]",
		"{\"Version\":1,\"PLANTED",
		"{\"Version\":2,\"SecretAccessKey\":\"PLANTED\",\"AccessKeyId\":\"a\"}",
		"{\"Version\":1,\"SecretAccessKey\":\"PLANTED\"}",
		"{\"Version\":1,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"\"}",
		"{\"Version\":1,\"AccessKeyId\":\"a\",\"SecretAccessKey\":[\"PLANTED\"]}",
		("{\"Version\":1,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"PLANTED\","
		 "\"Expiration\":\"PLANTED\"}"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
		_cleanup_bench_ struct bench bench;
		char script[256];

		(void)snprintf(script, sizeof(script), "echo '%s'\n", outputs[i]);
		use_program(&bench, script);
		ck_assert_msg(get(&bench) == -EBADMSG, "%s", bench.fault.text);
		ck_assert_msg(strstr(bench.fault.text, "credential_process of the AWS profile 'x'"),
			      "%s", bench.fault.text);
	}
}
END_TEST

/* Waits until no process reads from the fifo. */
static bool is_left_alone(const char *fifo)
{
	const struct deadline deadline =
		deadline_in(&clock_system, test_patience_usec(10 * USEC_PER_SEC));

	while (!deadline_passed(&deadline, &clock_system)) {
		_cleanup_close_ int fd = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

		if (fd < 0 && errno == ENXIO)
			return true;
		(void)clock_sleep(&clock_system, 5 * USEC_PER_MSEC);
	}
	return false;
}

/* The script's child reads from a fifo that it has open for writing itself, which never ends. */
START_TEST(ends_a_program_and_its_children_when_they_take_too_long)
{
	_cleanup_bench_ struct bench bench;
	_cleanup_free_ char *script = NULL, *fifo = NULL;

	use_program(&bench, "");
	fifo = str_format("%s/fifo", bench.home->path);
	script = str_format("cat <>'%s' | cat\n", fifo);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	tree_write(bench.home, "give keys", script);
	bench.options.process_timeout_usec = 300 * USEC_PER_MSEC;
	fails_with(&bench, -ETIMEDOUT,
		   "credential_process of the AWS profile 'x' did not end in time, and was killed");
	ck_assert(is_left_alone(fifo));
}
END_TEST

/* Time stands still until the program says its pid, and is up then. */
static uint64_t boot_usec_until_pid(const struct clock *clock)
{
	const struct bench *bench = container_of(clock, const struct bench, clock.clock);
	struct stat info;
	bool said = fstatat(bench->home->fd, "pid", &info, 0) == 0 && info.st_size > 0;

	return bench->clock.now_boot_usec + (said ? bench->options.process_timeout_usec : 0);
}

static const struct clock_ops clock_until_pid = {
	.name = "until-pid",
	.wall_ms = fake_wall_ms,
	.boot_usec = boot_usec_until_pid,
	.sleep_until = fake_sleep_until,
};

/* The supervisor lies beside this test's own program. */
static void copy_resister(struct bench *bench)
{
	_cleanup_free_ char *data = NULL, *path = NULL;
	char self[PATH_TEXT_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t size;

	ck_assert_int_gt(n, 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	path = str_format("%s/supervisor", self);
	ck_assert_int_eq(read_file_alloc_at(AT_FDCWD, path, PROGRAM_MAX, &data, &size), 0);
	ck_assert_int_eq(replace_file_at(bench->home->fd, "resister", data, size, 0755), 0);
	ck_assert_int_eq(fchmodat(bench->home->fd, "resister", 04755, 0), 0);
	ck_assert_int_eq(fchown(bench->home->fd, NOBODY, NOBODY), 0);
}

static void end_resister(struct bench *bench)
{
	char text[32];
	uint64_t pid;

	ck_assert_int_gt(read_file_at(bench->home->fd, "pid", text, sizeof(text)), 0);
	text[strcspn(text, "\n")] = '\0';
	ck_assert_int_eq(parse_u64(text, &pid), 0);
	ck_assert_int_eq(kill((pid_t)pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid((pid_t)pid, NULL, 0), (pid_t)pid);
}

/* Such as sudo: we are nobody, and it is root's. */
START_TEST(does_not_wait_for_a_program_that_it_may_not_kill)
{
	_cleanup_bench_ struct bench bench;
	char config[1024];
	struct statvfs info;

	use_profile(&bench, "x");
	ck_assert_int_eq(fstatvfs(bench.home->fd, &info), 0);
	if (geteuid() != 0 || info.f_flag & ST_NOSUID) {
		(void)fprintf(stderr, "not tested: needs root, and a %s that is not nosuid\n",
			      bench.home->path);
		return;
	}
	(void)snprintf(config, sizeof(config),
		       "[profile x]\ncredential_process = %1$s/resister resist %1$s/pid\n",
		       bench.home->path);
	write_config(&bench, config);
	copy_resister(&bench);
	bench.clock.clock.ops = &clock_until_pid;
	bench.options.process_timeout_usec = 20 * USEC_PER_MSEC;

	ck_assert_int_eq(setresuid(NOBODY, NOBODY, 0), 0);
	fails_with(&bench, -ETIMEDOUT,
		   "credential_process of the AWS profile 'x' did not end in time, and cannot be "
		   "killed");
	ck_assert_int_eq(setresuid(0, 0, 0), 0);
	end_resister(&bench);
}
END_TEST

START_TEST(refuses_a_program_that_cannot_be_run)
{
	static const struct {
		const char *line, *fault;
		int r;
	} cases[] = {
		{ "/nowhere/program", " cannot be run: No such file or directory", -ENOENT },
		{ "'PLANTED", ": a quote is never closed", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_bench_ struct bench bench;
		char text[256];

		use_profile(&bench, "x");
		(void)snprintf(text, sizeof(text), "[profile x]\ncredential_process = %s\n",
			       cases[i].line);
		write_config(&bench, text);
		(void)snprintf(text, sizeof(text), "credential_process of the AWS profile 'x'%s",
			       cases[i].fault);
		fails_with(&bench, cases[i].r, text);
	}
}
END_TEST

TEST_MAIN(reads_keys_of_either_file_and_prefers_credentials, reads_files_that_variables_name,
	  knows_which_keys_others_can_read, refuses_a_profile_that_is_not_there, refuses_half_a_key,
	  says_where_a_file_cannot_be_read, assumes_a_role_with_the_keys_of_another_profile,
	  assumes_one_role_with_another, assumes_a_role_with_keys_beside_it,
	  assumes_a_role_with_what_credential_source_names, asks_sts_where_it_is_configured,
	  refuses_roles_that_lead_nowhere, says_what_sts_says_but_not_the_request_behind_it,
	  asks_sts_three_times_while_it_has_trouble, refuses_an_answer_of_sts_without_credentials,
	  names_the_way_out_for_what_takes_a_person, runs_a_program_without_a_shell,
	  says_how_a_program_failed_without_showing_what_it_prints,
	  refuses_what_a_program_prints_when_it_is_no_answer,
	  ends_a_program_and_its_children_when_they_take_too_long,
	  does_not_wait_for_a_program_that_it_may_not_kill, refuses_a_program_that_cannot_be_run)
