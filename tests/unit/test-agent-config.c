#include <errno.h>
#include <string.h>

#include "agent/config.h"
#include "tests/test.h"

struct loaded {
	struct agent_config config;
	struct settings settings;
	struct fault fault;
};

static void loaded_init(struct loaded *loaded)
{
	*loaded = (struct loaded){};
	ck_assert_int_eq(settings_init(&loaded->settings, agent_config_rows, agent_config_rows_n,
				       &loaded->config, NULL, &loaded->fault),
			 0);
}

static void set(struct loaded *loaded, const char *name, const char *text)
{
	int row = settings_find(&loaded->settings, name, NULL);

	ck_assert_int_ge(row, 0);
	ck_assert_int_eq(settings_set(&loaded->settings, (size_t)row, text, SETTING_FROM_FLAG,
				      &loaded->fault),
			 0);
}

START_TEST(has_the_defaults_of_the_design)
{
	struct loaded loaded;

	loaded_init(&loaded);
	ck_assert_uint_eq(loaded.config.beat_usec, 5 * USEC_PER_SEC);
	ck_assert_uint_eq(loaded.config.beat_running_usec, 30 * USEC_PER_SEC);
	ck_assert_uint_eq(loaded.config.watch_usec, USEC_PER_SEC);
	ck_assert_uint_eq(loaded.config.boot_usec, 600 * USEC_PER_SEC);
	ck_assert_uint_eq(loaded.config.stop_grace_usec, 10 * USEC_PER_SEC);
	ck_assert_uint_eq(loaded.config.notice_poll_usec, 2 * USEC_PER_SEC);
	ck_assert_uint_eq(loaded.config.notice_grace_usec, 45 * USEC_PER_SEC);
	ck_assert_uint_eq(loaded.config.job_log_max_bytes, 64 << 20);
	ck_assert_str_eq(loaded.config.forge, "none");
	ck_assert_str_eq(loaded.config.provider, "local");
	ck_assert_uint_eq(loaded.config.lock_fd, 0);
	settings_done(&loaded.settings);
}
END_TEST

START_TEST(reads_files_then_its_own_variables_and_no_others)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	char *environment[] = { "PADDOCK_WATCH=2s", "PADDOCK_CLAIM_TIME=what the other reads",
				"PADDOCK_BEAT_PERIODS=7s", "HOME=/nowhere", NULL };
	struct loaded loaded;

	tree_write(tree, "etc/paddock/agent.conf", "[agent]\nbeat-period = 7s\nwatch = 9s\n");
	loaded_init(&loaded);
	ck_assert_int_eq(
		agent_config_load(&loaded.settings, tree->path, NULL, environment, &loaded.fault),
		0);
	ck_assert_uint_eq(loaded.config.beat_usec, 7 * USEC_PER_SEC);
	ck_assert_uint_eq(loaded.config.watch_usec, 2 * USEC_PER_SEC);
	settings_done(&loaded.settings);
}
END_TEST

START_TEST(refuses_a_file_with_an_unknown_key_by_name_and_line)
{
	_cleanup_(tree_freep) struct tree *tree = tree_new();
	char *environment[] = { NULL };
	struct loaded loaded;

	tree_write(tree, "etc/paddock/agent.conf", "[agent]\nbeat-perod = 7s\n");
	loaded_init(&loaded);
	ck_assert_int_eq(
		agent_config_load(&loaded.settings, tree->path, NULL, environment, &loaded.fault),
		-EINVAL);
	ck_assert_ptr_nonnull(strstr(loaded.fault.text, "agent.conf:2"));
	settings_done(&loaded.settings);
}
END_TEST

START_TEST(checks_what_a_row_alone_cannot_say)
{
	static const struct {
		const char *name, *value; /* on top of --machine m-1 */
		const char *complaint;    /* NULL: none */
	} cases[] = {
		{ "machine", "m-1", NULL },      { "machine", "../m-1", "is no id" },
		{ "machine", "-x", "is no id" }, { "lock-fd", "2", "standard stream" },
		{ "lock-fd", "3", NULL },        { "beat-period", "1min", NULL },
		{ "pool", "sqs", NULL },         { "pool", "puddle", "no pool of kind" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct loaded loaded;
		int r;

		loaded_init(&loaded);
		set(&loaded, "machine", "m-1");
		set(&loaded, cases[i].name, cases[i].value);
		r = agent_config_check(&loaded.config, &loaded.fault);
		ck_assert_int_eq(r, cases[i].complaint ? -EINVAL : 0);
		if (cases[i].complaint)
			ck_assert_ptr_nonnull(strstr(loaded.fault.text, cases[i].complaint));
		settings_done(&loaded.settings);
	}
}
END_TEST

START_TEST(says_what_to_do_when_no_machine_is_named)
{
	struct loaded loaded;

	loaded_init(&loaded);
	ck_assert_int_eq(agent_config_check(&loaded.config, &loaded.fault), -EINVAL);
	ck_assert_str_eq(loaded.fault.cure, "--machine ID");
	settings_done(&loaded.settings);
}
END_TEST

START_TEST(refuses_periods_out_of_range)
{
	static const char *const bad[][2] = {
		{ "beat-period", "100ms" }, { "beat-period", "6min" }, { "watch", "0s" },
		{ "boot-time", "0s" },      { "job-log-max", "1K" },   { "log-level", "loud" },
	};
	struct loaded loaded;

	loaded_init(&loaded);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int row = settings_find(&loaded.settings, bad[i][0], NULL);

		ck_assert_int_ge(row, 0);
		ck_assert_int_lt(settings_set(&loaded.settings, (size_t)row, bad[i][1],
					      SETTING_FROM_FLAG, &loaded.fault),
				 0);
	}
	settings_done(&loaded.settings);
}
END_TEST

START_TEST(keeps_state_where_the_setting_or_the_user_says)
{
	struct loaded loaded;
	_cleanup_free_ char *set_dir = NULL, *store = NULL, *set_store = NULL;

	loaded_init(&loaded);
	set(&loaded, "state-dir", "/srv/paddock");
	set_dir = agent_config_state_dir(&loaded.config);
	store = agent_config_store(&loaded.config);
	ck_assert_str_eq(set_dir, "/srv/paddock");
	ck_assert_str_eq(store, "sqlite:/srv/paddock/paddock.db");
	set(&loaded, "store", "sqlite:/other.db");
	set_store = agent_config_store(&loaded.config);
	ck_assert_str_eq(set_store, "sqlite:/other.db");
	settings_done(&loaded.settings);
}
END_TEST

START_TEST(powers_off_what_is_its_own_to_end)
{
	struct loaded loaded;

	loaded_init(&loaded);
	set(&loaded, "machine", "m-1");
	ck_assert_ptr_null(agent_config_power_off(&loaded.config));
	set(&loaded, "power-off", "/sbin/halt");
	ck_assert_int_eq(agent_config_check(&loaded.config, &loaded.fault), -EINVAL);
	ck_assert_ptr_nonnull(strstr(loaded.fault.text, "power-off"));
	set(&loaded, "provider", "ec2");
	ck_assert_int_eq(agent_config_check(&loaded.config, &loaded.fault), 0);
	ck_assert_str_eq(agent_config_power_off(&loaded.config), "/sbin/halt");
	settings_done(&loaded.settings);

	loaded_init(&loaded);
	set(&loaded, "provider", "ec2");
	ck_assert_str_eq(agent_config_power_off(&loaded.config), "poweroff");
	set(&loaded, "provider", "bench");
	ck_assert_ptr_null(agent_config_power_off(&loaded.config));
	settings_done(&loaded.settings);
}
END_TEST

TEST_MAIN(has_the_defaults_of_the_design, reads_files_then_its_own_variables_and_no_others,
	  refuses_a_file_with_an_unknown_key_by_name_and_line, checks_what_a_row_alone_cannot_say,
	  says_what_to_do_when_no_machine_is_named, refuses_periods_out_of_range,
	  keeps_state_where_the_setting_or_the_user_says, powers_off_what_is_its_own_to_end)
