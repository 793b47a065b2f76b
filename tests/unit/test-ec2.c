#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aws/ec2.h"
#include "tests/fixtures/aws/answers.h"
#include "tests/test.h"

#define HEAD(action) "Action=" action "&Version=2016-11-15"

static struct buf new_buf(void)
{
	struct buf buf;

	buf_init(&buf, 1 << 20);
	return buf;
}

/* --- requests -------------------------------------------------------------------------------- */

static const struct aws_tag tags[] = { { "paddock:run", "1-1/a b" } };
static const struct ec2_override overrides[] = { { "c7i.large", "subnet-1", NULL },
						 { "m7i.large", "subnet-2", "ami-1" } };

START_TEST(asks_for_an_instant_fleet_over_all_its_pools)
{
	const struct ec2_fleet fleet = {
		.client_token = "pd-1",
		.template_id = "lt-1",
		.template_version = "3",
		.overrides = overrides,
		.n_overrides = 2,
		.count = 7,
		.spot = true,
		.tags = tags,
		.n_tags = 1,
	};
	_cleanup_buf_ struct buf buf = new_buf();

	ck_assert_int_eq(ec2_create_fleet(&fleet, &buf), 0);
	ck_assert_str_eq(
		buf.data,
		HEAD("CreateFleet") "&Type=instant&ClientToken=pd-1"
				    "&TargetCapacitySpecification.TotalTargetCapacity=7"
				    "&TargetCapacitySpecification.DefaultTargetCapacityType=spot"
				    "&SpotOptions.AllocationStrategy=price-capacity-optimized"
				    "&LaunchTemplateConfigs.1.LaunchTemplateSpecification."
				    "LaunchTemplateId=lt-1&LaunchTemplateConfigs.1."
				    "LaunchTemplateSpecification.Version=3"
				    "&LaunchTemplateConfigs.1.Overrides.1.InstanceType=c7i.large"
				    "&LaunchTemplateConfigs.1.Overrides.1.SubnetId=subnet-1"
				    "&LaunchTemplateConfigs.1.Overrides.2.InstanceType=m7i.large"
				    "&LaunchTemplateConfigs.1.Overrides.2.SubnetId=subnet-2"
				    "&LaunchTemplateConfigs.1.Overrides.2.ImageId=ami-1"
				    "&TagSpecification.1.ResourceType=instance"
				    "&TagSpecification.1.Tag.1.Key=paddock%3Arun"
				    "&TagSpecification.1.Tag.1.Value=1-1%2Fa%20b"
				    "&TagSpecification.2.ResourceType=volume"
				    "&TagSpecification.2.Tag.1.Key=paddock%3Arun"
				    "&TagSpecification.2.Tag.1.Value=1-1%2Fa%20b");
}
END_TEST

START_TEST(asks_for_no_fleet_that_could_not_be_asked_for_again)
{
	const struct ec2_fleet good = { .client_token = "pd-1",
					.template_id = "lt-1",
					.template_version = "3",
					.overrides = overrides,
					.n_overrides = 2,
					.count = 1 };
	struct ec2_fleet fleet = good;
	char token[EC2_TOKEN_MAX + 2] = "";
	_cleanup_buf_ struct buf buf = new_buf();

	fleet.client_token = NULL;
	ck_assert_int_eq(ec2_create_fleet(&fleet, &buf), -EINVAL);
	fleet.client_token = "";
	ck_assert_int_eq(ec2_create_fleet(&fleet, &buf), -EINVAL);
	memset(token, 't', EC2_TOKEN_MAX + 1);
	fleet.client_token = token;
	ck_assert_int_eq(ec2_create_fleet(&fleet, &buf), -EINVAL);
	fleet = good;
	fleet.n_overrides = 0;
	ck_assert_int_eq(ec2_create_fleet(&fleet, &buf), -EINVAL);
	fleet = good;
	fleet.count = EC2_FLEET_MAX + 1;
	ck_assert_int_eq(ec2_create_fleet(&fleet, &buf), -EINVAL);
	ck_assert_uint_eq(buf.size, 0);
	token[EC2_TOKEN_MAX] = '\0';
	fleet = good;
	fleet.client_token = token;
	ck_assert_int_eq(ec2_create_fleet(&fleet, &buf), 0);
	ck_assert_ptr_nonnull(strstr(buf.data, "OnDemandOptions.AllocationStrategy=lowest-price"));
}
END_TEST

START_TEST(describes_instances_by_filters_and_pages)
{
	static const char *const values[] = { "paddock", "*" };
	const struct ec2_filter filters[] = { { "tag:paddock", values, 1 },
					      { "instance-id", values, 2 } };
	const struct ec2_filter empty = { "instance-id", values, 0 };
	_cleanup_buf_ struct buf buf = new_buf();

	ck_assert_int_eq(ec2_describe_instances(filters, 2, 1000, "a=b", &buf), 0);
	ck_assert_str_eq(buf.data, HEAD("DescribeInstances") "&Filter.1.Name=tag%3Apaddock"
							     "&Filter.1.Value.1=paddock"
							     "&Filter.2.Name=instance-id"
							     "&Filter.2.Value.1=paddock"
							     "&Filter.2.Value.2=%2A"
							     "&MaxResults=1000&NextToken=a%3Db");
	buf.size = 0;
	ck_assert_int_eq(ec2_describe_instances(&empty, 1, 0, "", &buf), -EINVAL);
	ck_assert_uint_eq(buf.size, 0);
}
END_TEST

START_TEST(terminates_and_tags_by_id)
{
	static const char *const ids[] = { "i-1", "i-2" };
	_cleanup_buf_ struct buf end = new_buf(), tag = new_buf();

	ck_assert_int_eq(ec2_terminate_instances(ids, 2, &end), 0);
	ck_assert_str_eq(end.data, HEAD("TerminateInstances") "&InstanceId.1=i-1&InstanceId.2=i-2");
	ck_assert_int_eq(ec2_terminate_instances(ids, 0, &end), -EINVAL);
	ck_assert_int_eq(ec2_create_tags(ids, 1, tags, 1, &tag), 0);
	ck_assert_str_eq(tag.data, HEAD("CreateTags") "&ResourceId.1=i-1&Tag.1.Key=paddock%3Arun"
						      "&Tag.1.Value=1-1%2Fa%20b");
}
END_TEST

START_TEST(makes_templates_whose_machines_power_off_for_good)
{
	static const char *const groups[] = { "sg-1", "sg-2" };
	const struct ec2_template template = { .image = "ami-1",
					       .instance_profile = "runner",
					       .security_groups = groups,
					       .n_security_groups = 2,
					       .user_data = "IyEvYmlu+/==",
					       .hop_limit = 1 };
	_cleanup_buf_ struct buf first = new_buf(), next = new_buf();

	ck_assert_int_eq(
		ec2_create_template("paddock", "t-1", "sha256:abc", &template, NULL, 0, &first), 0);
	ck_assert_str_eq(
		first.data,
		HEAD("CreateLaunchTemplate") "&LaunchTemplateName=paddock&ClientToken=t-1"
					     "&VersionDescription=sha256%3Aabc"
					     "&LaunchTemplateData.ImageId=ami-1"
					     "&LaunchTemplateData.IamInstanceProfile.Name=runner"
					     "&LaunchTemplateData.SecurityGroupId.1=sg-1"
					     "&LaunchTemplateData.SecurityGroupId.2=sg-2"
					     "&LaunchTemplateData.UserData=IyEvYmlu%2B%2F%3D%3D"
					     "&LaunchTemplateData.InstanceInitiatedShutdownBehavior"
					     "=terminate"
					     "&LaunchTemplateData.MetadataOptions.HttpTokens="
					     "required"
					     "&LaunchTemplateData.MetadataOptions.HttpEndpoint="
					     "enabled"
					     "&LaunchTemplateData.MetadataOptions."
					     "InstanceMetadataTags=enabled"
					     "&LaunchTemplateData.MetadataOptions."
					     "HttpPutResponseHopLimit=1");
	ck_assert_int_eq(ec2_create_template_version("lt-1", "t-2", NULL, &template, &next), 0);
	ck_assert_ptr_nonnull(strstr(next.data, "LaunchTemplateId=lt-1&ClientToken=t-2&Launch"));
	ck_assert_ptr_null(strstr(next.data, "BlockDevice"));
	ck_assert_int_eq(ec2_create_template_version("lt-1", "", NULL, &template, &next), -EINVAL);
}
END_TEST

START_TEST(encrypts_the_root_volume_that_is_named_and_deletes_templates)
{
	const struct ec2_template template = { .image = "ami-1", .root_device = "/dev/xvda" };
	_cleanup_buf_ struct buf version = new_buf(), gone = new_buf();

	ck_assert_int_eq(ec2_create_template_version("lt-1", "t", NULL, &template, &version), 0);
	ck_assert_ptr_nonnull(strstr(
		version.data, "&LaunchTemplateData.BlockDeviceMapping.1.DeviceName=%2Fdev%2Fxvda"
			      "&LaunchTemplateData.BlockDeviceMapping.1.Ebs.Encrypted=true"
			      "&LaunchTemplateData.BlockDeviceMapping.1.Ebs.DeleteOnTermination="
			      "true&"));
	ck_assert_int_eq(ec2_delete_template("lt-1", &gone), 0);
	ck_assert_str_eq(gone.data, HEAD("DeleteLaunchTemplate") "&LaunchTemplateId=lt-1");
}
END_TEST

START_TEST(says_when_a_form_has_no_room)
{
	static const char *const ids[] = { "i-1" };
	_cleanup_buf_ struct buf buf = {};

	buf_init(&buf, 60);
	ck_assert_int_eq(ec2_terminate_instances(ids, 1, &buf), -ENOBUFS);
}
END_TEST

/* --- answers --------------------------------------------------------------------------------- */

START_TEST(counts_what_a_fleet_got_and_says_why_not_more)
{
	_cleanup_ec2_fleet_answer_ struct ec2_fleet_answer answer = {};

	ck_assert_int_eq(ec2_fleet_read(ANSWER_FLEET, strlen(ANSWER_FLEET), &answer, NULL), 0);
	ck_assert_str_eq(answer.fleet_id, "fleet-12a34b55-67cd-8ef9-ba9b-9208dEXAMPLE");
	ck_assert_uint_eq(answer.n_launched, 3);
	ck_assert_str_eq(answer.launched[0].id, "i-1234567890abcdef0");
	ck_assert_str_eq(answer.launched[1].id, "i-9876543210abcdef9");
	ck_assert_str_eq(answer.launched[1].type, "c5.xlarge");
	ck_assert_str_eq(answer.launched[1].zone, "us-east-1a");
	ck_assert_str_eq(answer.launched[2].type, "m5.xlarge");
	ck_assert_str_eq(answer.launched[2].zone, "");
	ck_assert_str_eq(answer.launched[2].lifecycle, "spot");
	ck_assert_uint_eq(answer.n_errors, 1);
	ck_assert_str_eq(answer.errors[0].code, "InsufficientInstanceCapacity");
	ck_assert_str_eq(answer.errors[0].message, "There is no Spot capacity available");
	ck_assert_str_eq(answer.errors[0].type, "c5.large");
	ck_assert_str_eq(answer.errors[0].zone, "us-east-1b");
	ck_assert_int_eq(answer.errors[0].error, -ENOSPC);
}
END_TEST

START_TEST(reads_no_fleet_from_half_an_answer)
{
	for (size_t size = 0; size < strlen(ANSWER_FLEET) - 2; size += 7) {
		struct ec2_fleet_answer answer = {};
		struct fault fault = {};

		ck_assert_int_eq(ec2_fleet_read(ANSWER_FLEET, size, &answer, &fault), -EBADMSG);
		ck_assert_ptr_null(answer.launched);
	}
}
END_TEST

struct seen {
	struct ec2_instance instances[4];
	size_t n;
};

static int see(const struct ec2_instance *instance, void *context, _unused_ struct fault *fault)
{
	struct seen *seen = context;

	seen->instances[seen->n++] = *instance;
	return 0;
}

START_TEST(shows_instances_however_the_answer_is_cut)
{
	static struct seen seen;

	for (size_t piece = 1; piece < 500; piece += 61) {
		_cleanup_ec2_instances_ struct ec2_instances *reader = NULL;
		const struct ec2_instance *first = &seen.instances[0];

		seen.n = 0;
		ck_assert_int_eq(ec2_instances_open(see, &seen, &reader), 0);
		for (size_t at = 0; at < strlen(ANSWER_INSTANCES); at += piece) {
			size_t left = strlen(ANSWER_INSTANCES) - at;

			ck_assert_int_eq(ec2_instances_feed(reader, &ANSWER_INSTANCES[at],
							    left < piece ? left : piece, NULL),
					 0);
		}
		ck_assert_int_eq(ec2_instances_finish(reader, NULL), 0);
		ck_assert_str_eq(ec2_instances_next(reader), "page2==");
		ck_assert_uint_eq(seen.n, 2);
		ck_assert_str_eq(first->id, "i-1234567890abcdef0");
		ck_assert_str_eq(first->state, "running");
		ck_assert_str_eq(first->type, "m7i.large");
		ck_assert_str_eq(first->zone, "eu-west-1c");
		ck_assert_str_eq(first->subnet, "subnet-1");
		ck_assert_str_eq(first->private_ip, "192.168.1.88");
		ck_assert_str_eq(first->lifecycle, "spot");
		ck_assert_str_eq(first->image, "ami-bff32ccc");
		ck_assert_uint_eq(first->launched_ms, 1795514400000);
		ck_assert_str_eq(ec2_instance_tag(first, "Name"), "Server_1");
		ck_assert_str_eq(ec2_instance_tag(first, "paddock"), "");
		ck_assert_ptr_null(ec2_instance_tag(first, "name"));
		ck_assert_str_eq(seen.instances[1].state, "terminated");
		ck_assert_str_eq(seen.instances[1].reason, "Server.SpotInstanceTermination");
		ck_assert_uint_eq(seen.instances[1].n_tags, 0);
	}
}
END_TEST

static int count(_unused_ const struct ec2_instance *instance, void *context,
		 _unused_ struct fault *fault)
{
	(*(size_t *)context)++;
	return 0;
}

START_TEST(goes_through_ten_thousand_instances)
{
	static const char item[] = "<item><instancesSet><item><instanceId>i-1</instanceId>"
				   "<instanceState><name>running</name></instanceState></item>"
				   "</instancesSet></item>";
	static const char head[] = "<DescribeInstancesResponse><reservationSet>";
	static const char tail[] = "</reservationSet></DescribeInstancesResponse>";
	_cleanup_ec2_instances_ struct ec2_instances *reader = NULL;
	size_t n = 0;

	ck_assert_int_eq(ec2_instances_open(count, &n, &reader), 0);
	ck_assert_int_eq(ec2_instances_feed(reader, head, strlen(head), NULL), 0);
	for (size_t i = 0; i < 10000; i++)
		if (ec2_instances_feed(reader, item, strlen(item), NULL) < 0)
			ck_abort_msg("instance %zu", i);
	ck_assert_int_eq(ec2_instances_feed(reader, tail, strlen(tail), NULL), 0);
	ck_assert_int_eq(ec2_instances_finish(reader, NULL), 0);
	ck_assert_str_eq(ec2_instances_next(reader), "");
	ck_assert_uint_eq(n, 10000);
}
END_TEST

static int read_all(const char *text, struct seen *seen, struct fault *fault)
{
	_cleanup_ec2_instances_ struct ec2_instances *reader = NULL;
	int r;

	*seen = (struct seen){};
	ck_assert_int_eq(ec2_instances_open(see, seen, &reader), 0);
	r = ec2_instances_feed(reader, text, strlen(text), fault);
	return r < 0 ? r : ec2_instances_finish(reader, fault);
}

START_TEST(reads_what_a_termination_says_and_refuses_what_is_no_instance)
{
	static struct seen seen;
	struct fault fault = {};

	ck_assert_int_eq(read_all(ANSWER_TERMINATED, &seen, &fault), 0);
	ck_assert_uint_eq(seen.n, 1);
	ck_assert_str_eq(seen.instances[0].id, "i-1234567890abcdef0");
	ck_assert_str_eq(seen.instances[0].state, "shutting-down");
	ck_assert_int_eq(read_all("<TerminateInstancesResponse><instancesSet><item/>"
				  "</instancesSet></TerminateInstancesResponse>",
				  &seen, &fault),
			 -EBADMSG);
	ck_assert_str_eq(fault.text, "ec2: an instance without id or state");
	ck_assert_int_eq(read_all("<TerminateInstancesResponse><instancesSet><item><instanceId>"
				  "an-id-that-is-longer-than-any-that-there-is</instanceId></item>"
				  "</instancesSet></TerminateInstancesResponse>",
				  &seen, &fault),
			 -EBADMSG);
	ck_assert_ptr_nonnull(strstr(fault.text, "instanceId: longer than 31 bytes"));
}
END_TEST

START_TEST(reads_templates_and_their_versions)
{
	static const char made[] = "<CreateLaunchTemplateVersionResponse><launchTemplateVersion>"
				   "<launchTemplateId>lt-1</launchTemplateId><versionNumber>4"
				   "</versionNumber></launchTemplateVersion>"
				   "</CreateLaunchTemplateVersionResponse>";
	static const char odd[] = "<ModifyLaunchTemplateResponse><launchTemplate>"
				  "<latestVersionNumber>x</latestVersionNumber></launchTemplate>"
				  "</ModifyLaunchTemplateResponse>";
	struct ec2_template_state state = {};
	struct fault fault = {};

	ck_assert_int_eq(
		ec2_template_read(ANSWER_TEMPLATES, strlen(ANSWER_TEMPLATES), &state, NULL), 0);
	ck_assert_str_eq(state.id, "lt-0a20c965061f64abc");
	ck_assert_str_eq(state.name, "paddock");
	ck_assert_uint_eq(state.default_version, 3);
	ck_assert_uint_eq(state.latest_version, 5);
	ck_assert_int_eq(ec2_template_read(ANSWER_VERSIONS, strlen(ANSWER_VERSIONS), &state, NULL),
			 0);
	ck_assert_uint_eq(state.version, 3);
	ck_assert_str_eq(state.description, "sha256:abc");
	ck_assert_str_eq(state.image, "ami-8c1be5f6");
	ck_assert_int_eq(ec2_template_read(made, strlen(made), &state, NULL), 0);
	ck_assert_uint_eq(state.version, 4);
	ck_assert_int_eq(ec2_template_read(odd, strlen(odd), &state, &fault), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(fault.text, "'x' is not what it should be"));
	ck_assert_int_eq(ec2_template_read("<A/>", 4, &state, &fault), -EBADMSG);
}
END_TEST

static int see_type(const struct ec2_type *type, void *context, _unused_ struct fault *fault)
{
	struct ec2_type *types = context;

	types[types[0].name[0] ? 1 : 0] = *type;
	return 0;
}

START_TEST(reads_types)
{
	struct ec2_type types[2] = {};
	char next[EC2_NEXT_MAX] = "";

	ck_assert_int_eq(ec2_types_read(ANSWER_TYPES, strlen(ANSWER_TYPES), see_type, types, next,
					sizeof(next), NULL),
			 0);
	ck_assert_str_eq(next, "more");
	ck_assert_str_eq(types[0].name, "t3.micro");
	ck_assert_str_eq(types[0].arch, "x86_64");
	ck_assert_uint_eq(types[0].cpu, 2);
	ck_assert_uint_eq(types[0].memory_mib, 1024);
	ck_assert(types[0].burstable && types[0].spot && types[0].current && !types[0].metal);
	ck_assert_str_eq(types[1].name, "m7g.metal");
	ck_assert_str_eq(types[1].arch, "arm64");
	ck_assert(!types[1].burstable && !types[1].spot && !types[1].current && types[1].metal);
	ck_assert_int_eq(ec2_types_read("", 0, see_type, types, next, 10, NULL), -EINVAL);
}
END_TEST

static int see_subnet(const struct ec2_subnet *subnet, void *context, _unused_ struct fault *fault)
{
	*(struct ec2_subnet *)context = *subnet;
	return 0;
}

START_TEST(reads_subnets)
{
	struct ec2_subnet subnet = {};

	ck_assert_int_eq(
		ec2_subnets_read(ANSWER_SUBNETS, strlen(ANSWER_SUBNETS), see_subnet, &subnet, NULL),
		0);
	ck_assert_str_eq(subnet.id, "subnet-9d4a7b6c");
	ck_assert_str_eq(subnet.zone, "us-east-1a");
	ck_assert_str_eq(subnet.vpc, "vpc-1a2b3c4d");
	ck_assert_uint_eq(subnet.free_addresses, 251);
}
END_TEST

TEST_MAIN(asks_for_an_instant_fleet_over_all_its_pools,
	  asks_for_no_fleet_that_could_not_be_asked_for_again,
	  describes_instances_by_filters_and_pages, terminates_and_tags_by_id,
	  makes_templates_whose_machines_power_off_for_good,
	  encrypts_the_root_volume_that_is_named_and_deletes_templates,
	  says_when_a_form_has_no_room, counts_what_a_fleet_got_and_says_why_not_more,
	  reads_no_fleet_from_half_an_answer, shows_instances_however_the_answer_is_cut,
	  goes_through_ten_thousand_instances,
	  reads_what_a_termination_says_and_refuses_what_is_no_instance,
	  reads_templates_and_their_versions, reads_types, reads_subnets)
