#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/buf.h"
#include "common/base/io.h"
#include "common/net/aws-profile.h"
#include "tests/test.h"

static struct aws_profiles *profiles;
static struct fault fault;

static void set_up(void)
{
	ck_assert_int_eq(aws_profiles_new(&profiles), 0);
	fault = (struct fault){};
}

static int parse(enum aws_file file, const char *text)
{
	return aws_profiles_parse(profiles, file,
				  file == AWS_FILE_CONFIG ? "config" : "credentials", text,
				  strlen(text), &fault);
}

static const char *value_of(const char *profile, const char *key)
{
	return aws_profiles_get(profiles, AWS_SECTION_PROFILE, profile, key);
}

START_TEST(reads_what_the_aws_cli_reads)
{
	static const char text[] = "\xef\xbb\xbf# a comment\n"
				   "[default]\r\n"
				   "region = eu-central-1\r\n"
				   "\n"
				   "; another\n"
				   "[profile build]  \n"
				   "  Role_ARN: arn:aws:iam::1:role/x\n"
				   "  source_profile=default\n"
				   "# between\n"
				   "\n"
				   "  external_id   =   a = b # no comment\n"
				   "[ profile \"two words\" ]\n"
				   "region\t=\tx\n"
				   "[sso-session s]\n"
				   "sso_region = y\n";

	set_up();
	ck_assert_int_eq(parse(AWS_FILE_CONFIG, text), 0);
	ck_assert_str_eq(value_of("default", "region"), "eu-central-1");
	ck_assert_str_eq(value_of("build", "role_arn"), "arn:aws:iam::1:role/x");
	ck_assert_str_eq(value_of("build", "source_profile"), "default");
	ck_assert_str_eq(value_of("build", "external_id"), "a = b # no comment");
	ck_assert_str_eq(value_of("two words", "region"), "x");
	ck_assert_ptr_null(value_of("s", "sso_region"));
	ck_assert_ptr_null(value_of("build", "region"));
	ck_assert(!aws_profiles_has(profiles, AWS_SECTION_PROFILE, "s"));
	aws_profiles_free(profiles);
}
END_TEST

START_TEST(names_profiles_differently_in_the_two_files)
{
	set_up();
	ck_assert_int_eq(parse(AWS_FILE_CONFIG, "[a]\nregion = none\n[profile b]\nregion = r\n"),
			 0);
	ck_assert_int_eq(parse(AWS_FILE_CREDENTIALS, "[c]\nregion = s\n[profile d]\nregion = t\n"),
			 0);
	ck_assert(!aws_profiles_has(profiles, AWS_SECTION_PROFILE, "a"));
	ck_assert(aws_profiles_has(profiles, AWS_SECTION_PROFILE, "b"));
	ck_assert(aws_profiles_has(profiles, AWS_SECTION_PROFILE, "c"));
	ck_assert(!aws_profiles_has(profiles, AWS_SECTION_PROFILE, "d"));
	aws_profiles_free(profiles);
}
END_TEST

START_TEST(prefers_the_credentials_file_and_the_longer_name_of_default)
{
	set_up();
	ck_assert_int_eq(parse(AWS_FILE_CONFIG, "[profile default]\nregion = long\n"
						"[default]\nregion = short\noutput = json\n"
						"aws_access_key_id = config\n"),
			 0);
	ck_assert_int_eq(parse(AWS_FILE_CREDENTIALS, "[default]\naws_access_key_id = file\n"), 0);
	ck_assert_str_eq(value_of("default", "region"), "long");
	ck_assert_str_eq(value_of("default", "output"), "json");
	ck_assert_str_eq(value_of("default", "aws_access_key_id"), "file");
	ck_assert_str_eq(aws_profiles_get_from(profiles, AWS_FILE_CONFIG, AWS_SECTION_PROFILE,
					       "default", "aws_access_key_id"),
			 "config");
	aws_profiles_free(profiles);
}
END_TEST

START_TEST(reads_nested_keys_and_values_that_go_on)
{
	set_up();
	ck_assert_int_eq(parse(AWS_FILE_CONFIG, "[default]\n"
						"s3 =\n"
						"  addressing_style = path\n"
						"\n"
						"    max_queue = a:b\n"
						"region = r\n"
						"long = one\n"
						"\ttwo\n"
						"services = mine\n"
						"[services mine]\n"
						"dynamodb =\n"
						"  endpoint_url = http://127.0.0.1:8000\n"),
			 0);
	ck_assert_str_eq(value_of("default", "s3.addressing_style"), "path");
	ck_assert_str_eq(value_of("default", "s3.max_queue"), "a:b");
	ck_assert_ptr_null(value_of("default", "s3"));
	ck_assert_str_eq(value_of("default", "region"), "r");
	ck_assert_str_eq(value_of("default", "long"), "one\ntwo");
	ck_assert_str_eq(
		aws_profiles_get(profiles, AWS_SECTION_SERVICES, "mine", "dynamodb.endpoint_url"),
		"http://127.0.0.1:8000");
	aws_profiles_free(profiles);
}
END_TEST

START_TEST(goes_on_with_a_section_and_replaces_a_key_that_come_again)
{
	set_up();
	ck_assert_int_eq(
		parse(AWS_FILE_CREDENTIALS, "[a]\nx = 1\ny = 2\n[b]\nx = 3\n[a]\nX = 4\nz = 5\n"),
		0);
	ck_assert_str_eq(value_of("a", "x"), "4");
	ck_assert_str_eq(value_of("a", "y"), "2");
	ck_assert_str_eq(value_of("a", "z"), "5");
	ck_assert_str_eq(value_of("b", "x"), "3");
	aws_profiles_free(profiles);
}
END_TEST

START_TEST(says_which_line_is_wrong_and_shows_none)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{ "PLANTED", "credentials:1: a line before the first [section]" },
		{ "[a]\n\nPLANTED\n", "credentials:3: neither a [section] nor 'key = value'" },
		{ "[a]\n= PLANTED\n",
		  "credentials:2: a value without a key, or a key of more than 127 bytes" },
		{ "[a\nx = PLANTED\n", "credentials:1: '[' without a ']'" },
		{ "[ ]\nx = PLANTED\n", "credentials:1: a section without a name" },
		{ "[a]\ns3 =\n  PLANTED\n",
		  "credentials:3: neither a [section] nor 'key = value'" },
		{ "[a]\nx = PLANTED\x01\n", "credentials:2: a control character" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_up();
		ck_assert_int_eq(parse(AWS_FILE_CREDENTIALS, cases[i].text), -EINVAL);
		ck_assert_str_eq(fault.text, cases[i].fault);
		ck_assert(!strstr(fault.cure, "PLANTED"));
		aws_profiles_free(profiles);
	}
}
END_TEST

START_TEST(refuses_bytes_that_are_no_text)
{
	static const char text[] = "[a]\nx = a\0b\n";

	set_up();
	ck_assert_int_eq(aws_profiles_parse(profiles, AWS_FILE_CONFIG, "config", text,
					    sizeof(text) - 1, &fault),
			 -EINVAL);
	ck_assert_str_eq(fault.text, "config:2: a control character");
	aws_profiles_free(profiles);
}
END_TEST

START_TEST(has_limits)
{
	_cleanup_buf_ struct buf sections, keys, value;
	char name[AWS_PROFILE_NAME_MAX + 8];

	buf_init(&sections, 1 << 20);
	buf_init(&keys, 1 << 20);
	buf_init(&value, 1 << 20);
	ck_assert_int_eq(buf_add_text(&keys, "[a]\n"), 0);
	for (unsigned i = 0; i <= AWS_PROFILE_SECTIONS_MAX; i++)
		ck_assert_int_eq(buf_printf(&sections, "[%u]\n", i), 0);
	for (unsigned i = 0; i <= AWS_PROFILE_KEYS_MAX; i++)
		ck_assert_int_eq(buf_printf(&keys, "k%u = v\n", i), 0);
	ck_assert_int_eq(buf_printf(&value, "[b]\nk = %070000d\n", 1), 0);
	memset(name, 'n', sizeof(name) - 1);
	name[0] = '[';
	name[sizeof(name) - 2] = ']';
	name[sizeof(name) - 1] = '\0';

	set_up();
	ck_assert_int_eq(parse(AWS_FILE_CREDENTIALS, buf_text(&sections)), -EINVAL);
	ck_assert_str_eq(fault.text, "credentials:4097: more than 4096 sections");
	ck_assert_int_eq(parse(AWS_FILE_CREDENTIALS, buf_text(&keys)), -EINVAL);
	ck_assert_str_eq(fault.text, "credentials:1: more than 4096 sections");
	aws_profiles_free(profiles);

	set_up();
	ck_assert_int_eq(parse(AWS_FILE_CREDENTIALS, buf_text(&keys)), -EINVAL);
	ck_assert_str_eq(fault.text, "credentials:258: more than 256 keys in one section");
	ck_assert_int_eq(parse(AWS_FILE_CREDENTIALS, buf_text(&value)), -EINVAL);
	ck_assert_str_eq(fault.text, "credentials:2: the value is longer than 65536 bytes");
	ck_assert_int_eq(parse(AWS_FILE_CREDENTIALS, name), -EINVAL);
	ck_assert_str_eq(fault.text, "credentials:1: the name of a section is longer than 255 "
				     "bytes");
	aws_profiles_free(profiles);
}
END_TEST

START_TEST(knows_when_others_can_read_the_keys)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_free_ char *path = str_format("%s/credentials", tree->path);

	tree_write(tree, "credentials", "[a]\nx = y\n");
	set_up();
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(aws_profiles_load(profiles, AWS_FILE_CREDENTIALS, path, &fault), 0);
	ck_assert_ptr_null(aws_profiles_exposed(profiles));
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(aws_profiles_load(profiles, AWS_FILE_CONFIG, path, &fault), 0);
	ck_assert_ptr_null(aws_profiles_exposed(profiles));
	ck_assert_int_eq(aws_profiles_load(profiles, AWS_FILE_CREDENTIALS, path, &fault), 0);
	ck_assert_str_eq(aws_profiles_exposed(profiles), path);
	ck_assert_str_eq(value_of("a", "x"), "y");
	aws_profiles_free(profiles);
}
END_TEST

START_TEST(takes_a_missing_file_for_an_empty_one_but_no_other_trouble)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	_cleanup_free_ char *missing = str_format("%s/no/config", tree->path);
	_cleanup_free_ char *fifo = str_format("%s/fifo", tree->path);

	set_up();
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(aws_profiles_load(profiles, AWS_FILE_CONFIG, missing, &fault), 0);
	ck_assert_int_eq(aws_profiles_load(profiles, AWS_FILE_CONFIG, "/dev/null", &fault), 0);
	ck_assert_int_eq(aws_profiles_load(profiles, AWS_FILE_CONFIG, tree->path, &fault), -EISDIR);
	ck_assert(strstr(fault.text, "cannot read "));
	ck_assert_int_eq(aws_profiles_load(profiles, AWS_FILE_CONFIG, fifo, &fault), -EINVAL);
	ck_assert_int_eq(aws_profiles_load(profiles, AWS_FILE_CONFIG, "/dev/zero", &fault), -EFBIG);
	aws_profiles_free(profiles);
}
END_TEST

TEST_MAIN(reads_what_the_aws_cli_reads, names_profiles_differently_in_the_two_files,
	  prefers_the_credentials_file_and_the_longer_name_of_default,
	  reads_nested_keys_and_values_that_go_on,
	  goes_on_with_a_section_and_replaces_a_key_that_come_again,
	  says_which_line_is_wrong_and_shows_none, refuses_bytes_that_are_no_text, has_limits,
	  knows_when_others_can_read_the_keys,
	  takes_a_missing_file_for_an_empty_one_but_no_other_trouble)
