/* Every request that the builders can make, one a line: service, operation, body. For
 * tests/integration/aws-requests.py, which holds them against the services' own descriptions. */

#include <stdio.h>
#include <stdlib.h>

#include "common/aws/dynamodb-table.h"
#include "common/aws/dynamodb.h"
#include "common/aws/ec2.h"
#include "common/aws/sqs.h"
#include "common/aws/ssm.h"
#include "common/aws/sts.h"
#include "common/store/dynamodb-machine.h"
#include "common/store/dynamodb-side.h"

#define URL "https://sqs.us-east-1.amazonaws.com/123456789012/pool"
#define NOW 1795514400000

static struct buf body;

/* After each builder: what it has built. */
static void show(const char *service, const char *operation, int r)
{
	if (r < 0) {
		(void)fprintf(stderr, "%s %s: %d\n", service, operation, r);
		exit(1);
	}
	(void)printf("%s\t%s\t%s\n", service, operation, buf_text(&body));
	body.size = 0;
}

static const struct aws_tag tags[] = { { "paddock", "p" }, { "team", "c i" } };
static const char *const texts[] = { "i-1", "i-2" };

static void show_items(void)
{
	const struct dynamodb_key key = { "i-1", "machine" };
	struct dynamodb_search search = { .table = "table", .partition = "i-1", .kind = "event" };
	_cleanup_expression_ struct dynamodb_expression e = {};
	_cleanup_json_ struct json_object *item = NULL;

	dynamodb_expression_init(&e);
	dynamodb_where(&e, "revision", "=", dynamodb_number(3));
	if (dynamodb_item_new(&key, &item) < 0 ||
	    dynamodb_item_set(item, "last", dynamodb_bool(true)) < 0)
		exit(1);
	show("dynamodb", "GetItem", dynamodb_get_item("table", &key, true, &body));
	show("dynamodb", "BatchGetItem", dynamodb_batch_get_item("table", &key, 1, true, &body));
	show("dynamodb", "PutItem", dynamodb_put_item("table", item, &e, &body));
	show("dynamodb", "DeleteItem", dynamodb_delete_item("table", &key, &e, &body));
	search.start = item;
	show("dynamodb", "Query", dynamodb_query(&search, &body));
}

static void show_tables(void)
{
	const struct dynamodb_table table = { "table", tags, 2, true };

	show("dynamodb", "CreateTable", dynamodb_create_table(&table, &body));
	show("dynamodb", "DescribeTable", dynamodb_describe_table("table", &body));
	show("dynamodb", "UpdateTable", dynamodb_protect_table("table", false, &body));
	show("dynamodb", "DeleteTable", dynamodb_delete_table("table", &body));
	show("dynamodb", "UpdateTimeToLive", dynamodb_expire_by("table", "ttl", &body));
	show("dynamodb", "DescribeTimeToLive", dynamodb_describe_expiry("table", &body));
}

static void show_machines(void)
{
	const struct machine idle = { .id = "i-1", .state = MACHINE_IDLE, .threshold_ms = NOW };
	const struct change change = {
		.transition = TRANSITION_CLAIM,
		.id = "i-1",
		.claimant = { .run_key = "1-1-default" },
		.leases = { .claim_ms = 1000 },
	};
	const struct beat beat = { .id = "i-1", .boot_id = "b", .phase = PHASE_READY };
	const struct machine_filter filter = { .states = 6, .class_name = "large" };
	struct change_outcome outcome = {};

	if (transition_apply(&idle, &change, 1, &outcome) < 0 || outcome.result != CHANGE_DONE)
		exit(1);
	show("dynamodb", "UpdateItem",
	     dynamodb_change_request("table", &idle, &outcome.record, &change, &body));
	show("dynamodb", "UpdateItem", dynamodb_beat_request("table", NULL, &beat, NOW, &body));
	show("dynamodb", "DeleteItem", dynamodb_forget_request("table", "i-1", 4, &body));
	show("dynamodb", "Scan", dynamodb_machine_scan("table", &filter, 1, 4, NULL, &body));
}

static void show_sides(void)
{
	static const struct dynamodb_key key = { "i-1", "event" };
	static char text[] = "{}";
	static const struct item item = {
		.partition = "i-1",
		.kind = "event",
		.revision = 2,
		.expires_ms = NOW,
		.body = text,
	};
	const struct dynamodb_part part = { .segment = 1, .segments = 4 };

	show("dynamodb", "GetItem", dynamodb_side_get("table", "i-1", "event", &body, NULL));
	show("dynamodb", "PutItem", dynamodb_side_put("table", &item, NOW, &body, NULL));
	show("dynamodb", "DeleteItem",
	     dynamodb_side_remove("table", "i-1", "event", 2, &body, NULL));
	show("dynamodb", "DeleteItem", dynamodb_side_purge("table", &key, NOW, &body, NULL));
	show("dynamodb", "Query", dynamodb_side_query("table", "i-1", "event", NULL, &body, NULL));
	show("dynamodb", "Scan", dynamodb_side_scan("table", NULL, &part, &body, NULL));
	show("dynamodb", "Scan", dynamodb_side_scan_expired("table", NOW, &part, &body));
}

static void show_sqs(void)
{
	const struct sqs_queue queue = { .visibility_sec = 60, .retention_sec = 345600 };

	show("sqs", "CreateQueue", sqs_create_queue("pool", &queue, tags, 2, &body));
	show("sqs", "GetQueueUrl", sqs_get_queue_url("pool", &body));
	show("sqs", "GetQueueAttributes", sqs_get_queue_attributes(URL, &body));
	show("sqs", "SetQueueAttributes", sqs_set_queue_attributes(URL, &queue, &body));
	show("sqs", "TagQueue", sqs_tag_queue(URL, tags, 2, &body));
	show("sqs", "DeleteQueue", sqs_delete_queue(URL, &body));
	show("sqs", "SendMessageBatch", sqs_send_batch(URL, texts, 2, &body));
	show("sqs", "DeleteMessageBatch", sqs_delete_batch(URL, texts, 2, &body));
	show("sqs", "ChangeMessageVisibilityBatch", sqs_hide_batch(URL, texts, 2, 2, &body));
	show("sqs", "ReceiveMessage", sqs_receive(URL, 10, 20, 60, &body));
}

static void show_instances(void)
{
	static const struct ec2_override overrides[] = { { "c6i.large", "subnet-1", "ami-1" } };
	const struct ec2_filter filter = { "tag:paddock", texts, 2 };
	struct ec2_fleet fleet = { "token", "lt-1", "3", overrides, 1, 7, true, tags, 2 };

	show("ec2", "CreateFleet", ec2_create_fleet(&fleet, &body));
	fleet.spot = false;
	show("ec2", "CreateFleet", ec2_create_fleet(&fleet, &body));
	show("ec2", "DescribeInstances", ec2_describe_instances(&filter, 1, 1000, "n", &body));
	show("ec2", "TerminateInstances", ec2_terminate_instances(texts, 2, &body));
	show("ec2", "CreateTags", ec2_create_tags(texts, 2, tags, 2, &body));
	show("ec2", "DescribeInstanceTypes", ec2_describe_types(&filter, 1, "n", &body));
	show("ec2", "DescribeSubnets", ec2_describe_subnets(texts, 2, &body));
}

static void show_templates(void)
{
	const struct ec2_template template = {
		"ami-1", "runner", texts, 2, "IyE=", 1, "/dev/xvda"
	};

	show("ec2", "CreateLaunchTemplate",
	     ec2_create_template("paddock", "t-1", "d", &template, tags, 2, &body));
	show("ec2", "CreateLaunchTemplateVersion",
	     ec2_create_template_version("lt-1", "t-2", "d", &template, &body));
	show("ec2", "ModifyLaunchTemplate", ec2_set_default_version("lt-1", 3, &body));
	show("ec2", "DeleteLaunchTemplate", ec2_delete_template("lt-1", &body));
	show("ec2", "DescribeLaunchTemplates", ec2_describe_template("paddock", &body));
	show("ec2", "DescribeLaunchTemplateVersions", ec2_describe_default_version("lt-1", &body));
}

static void show_others(void)
{
	const struct sts_role role = { "arn:aws:iam::123456789012:role/r", "paddock", 900, "x-1" };
	_cleanup_secret_ struct secret secret = {};

	if (secret_set(&secret, "hush", 4) < 0)
		exit(1);
	show("sts", "GetCallerIdentity", sts_get_caller_identity(&body));
	show("sts", "AssumeRole", sts_assume_role(&role, &body));
	show("sts", "AssumeRoleWithWebIdentity",
	     sts_assume_role_with_web_identity(&role, &secret, &body));
	show("ssm", "GetParameter", ssm_get_parameter("/p", &body));
	show("ssm", "PutParameter", ssm_put_parameter("/p", &secret, &body));
	show("ssm", "PutParameter", ssm_put_text("/p", "v", &body));
	show("ssm", "DeleteParameter", ssm_delete_parameter("/p", &body));
	show("ssm", "DescribeInstanceInformation", ssm_describe_instances(texts, 2, "n", &body));
}

int main(void)
{
	buf_init(&body, 1 << 20);
	show_items();
	show_tables();
	show_machines();
	show_sides();
	show_sqs();
	show_instances();
	show_templates();
	show_others();
	buf_done(&body);
	return 0;
}
