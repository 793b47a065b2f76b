#!/usr/bin/env python3
"""The fake EC2, with botocore as its client: what AWS's own description of EC2 says, holds here."""

import time
from typing import Any

import kit

if kit.botocore is not None:
    import botocore.exceptions
    import botocore.parsers

TAG = {"Key": "paddock", "Value": "test"}


class Ec2Case(kit.FakeCase):
    def setUp(self) -> None:
        super().setUp()
        self.ec2 = self.fake.client("ec2")

    def template(self, **data: Any) -> str:
        made = self.ec2.create_launch_template(
            LaunchTemplateName="paddock", LaunchTemplateData={"ImageId": "ami-1"} | data
        )
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def fleet(self, count: int = 1, usage: str = "spot", **more: Any) -> Any:
        """An instant fleet of r6i.large and r6i.xlarge, in two zones."""
        if not self.ec2.describe_launch_templates()["LaunchTemplates"]:
            self.template()
        overrides = more.pop("overrides", [
            {"InstanceType": kind, "SubnetId": f"subnet-0000000000000000{zone}"}
            for kind in ("r6i.large", "r6i.xlarge") for zone in "ab"
        ])
        wish = {
            "Type": "instant",
            "TargetCapacitySpecification": {
                "TotalTargetCapacity": count, "DefaultTargetCapacityType": usage,
            },
            "LaunchTemplateConfigs": [{
                "LaunchTemplateSpecification": {
                    "LaunchTemplateName": "paddock", "Version": "$Latest",
                },
                "Overrides": overrides,
            }],
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [TAG]}],
        }
        return self.ec2.create_fleet(**(wish | more))

    @staticmethod
    def ids(fleet: Any) -> list[str]:
        return [name for group in fleet["Instances"] for name in group["InstanceIds"]]

    def states(self, **wish: Any) -> dict[str, str]:
        pages = self.ec2.get_paginator("describe_instances").paginate(**wish)
        return {
            item["InstanceId"]: item["State"]["Name"]
            for page in pages for group in page["Reservations"] for item in group["Instances"]
        }


@kit.needs_botocore
class Fleets(Ec2Case):
    def test_a_fleet_is_launched_with_its_tags(self) -> None:
        fleet = self.fleet(3)
        self.assertEqual(fleet["Errors"], [])
        self.assertEqual(len(self.ids(fleet)), 3)
        found = self.ec2.describe_instances(Filters=[{"Name": "tag:paddock", "Values": ["test"]}])
        instances = [item for group in found["Reservations"] for item in group["Instances"]]
        self.assertEqual([item["InstanceId"] for item in instances], self.ids(fleet))
        self.assertEqual(instances[0]["InstanceLifecycle"], "spot")
        self.assertEqual(instances[0]["State"], {"Code": 16, "Name": "running"})
        self.assertIn(TAG, instances[0]["Tags"])

    def test_pools_without_capacity_are_told_and_passed_over(self) -> None:
        zone = self.fake.variables["AWS_REGION"] + "a"
        self.fake.control(
            "POST", "capacity", type="r6i.large", zone=zone, usage="spot", available=1
        )
        self.fake.control("POST", "capacity", type="r6i.large", zone=zone[:-1] + "b", available=0)
        fleet = self.fleet(3)
        self.assertEqual(
            [(group["InstanceType"], len(group["InstanceIds"])) for group in fleet["Instances"]],
            [("r6i.large", 1), ("r6i.xlarge", 2)],
        )
        self.assertEqual(
            [(e["ErrorCode"], e["Lifecycle"],
              e["LaunchTemplateAndOverrides"]["Overrides"]["SubnetId"][-1])
             for e in fleet["Errors"]],
            [("InsufficientInstanceCapacity", "spot", "a"),
             ("InsufficientInstanceCapacity", "spot", "b")],
        )

    def test_capacity_is_by_usage(self) -> None:
        self.fake.control("POST", "capacity", usage="spot", available=0,
                          code="MaxSpotInstanceCountExceeded")
        spot, on_demand = self.fleet(1), self.fleet(1, "on-demand")
        self.assertEqual(self.ids(spot), [])
        self.assertEqual({e["ErrorCode"] for e in spot["Errors"]}, {"MaxSpotInstanceCountExceeded"})
        self.assertEqual(len(self.ids(on_demand)), 1)

    def test_a_limit_for_all_is_one_limit(self) -> None:
        self.fake.control("POST", "capacity", available=3)
        self.assertEqual(len(self.ids(self.fleet(5))), 3)
        self.assertEqual(len(self.ids(self.fleet(5))), 0)

    def test_a_partial_fleet_can_be_ordered(self) -> None:
        self.fake.fault("partial", action="CreateFleet", count=2)
        fleet = self.fleet(5)
        self.assertEqual(len(self.ids(fleet)), 2)
        self.assertTrue(fleet["Errors"])
        self.assertEqual(len(self.ids(self.fleet(5))), 5)

    def test_all_or_nothing_gives_nothing_when_there_is_not_all(self) -> None:
        self.fake.control("POST", "capacity", type="r6i.large", available=2)
        self.fake.control("POST", "capacity", type="r6i.xlarge", available=4)
        options = {"SingleInstanceType": True, "MinTargetCapacity": 5}
        fleet = self.fleet(5, SpotOptions=options)
        self.assertEqual(self.ids(fleet), [])
        self.assertTrue(fleet["Errors"])
        fleet = self.fleet(4, SpotOptions=options | {"MinTargetCapacity": 4})
        self.assertEqual([group["InstanceType"] for group in fleet["Instances"]], ["r6i.xlarge"])
        self.assertEqual(len(self.ids(fleet)), 4)

    def test_the_same_token_gets_the_same_fleet(self) -> None:
        first = self.fleet(2, ClientToken="once")
        again = self.fleet(2, ClientToken="once")
        self.assertEqual(first["FleetId"], again["FleetId"])
        self.assertEqual(self.ids(first), self.ids(again))
        self.assertEqual(len(self.states()), 2)
        with self.refused("IdempotentParameterMismatch", 400):
            self.fleet(3, ClientToken="once")

    def test_what_cannot_be_launched_is_an_error_of_its_override(self) -> None:
        fleet = self.fleet(1, overrides=[
            {"InstanceType": "r6i.large", "SubnetId": "subnet-nonesuch"},
            {"InstanceType": "r6i.large", "SubnetId": "subnet-0000000000000000a"},
        ])
        self.assertEqual([e["ErrorCode"] for e in fleet["Errors"]], ["InvalidSubnetID.NotFound"])
        self.assertEqual(len(self.ids(fleet)), 1)

    def test_a_template_that_is_not_there_fails_the_call(self) -> None:
        with self.refused("InvalidLaunchTemplateName.NotFoundException", 400):
            self.ec2.create_fleet(
                Type="instant", TargetCapacitySpecification={"TotalTargetCapacity": 1},
                LaunchTemplateConfigs=[{"LaunchTemplateSpecification": {
                    "LaunchTemplateName": "nonesuch", "Version": "1"}}],
            )

    def test_more_than_the_resource_bucket_holds_is_throttled(self) -> None:
        self.assertEqual(len(self.ids(self.fleet(995))), 995)
        with self.refused("RequestLimitExceeded", 503):
            self.fleet(900)

    def test_more_terminations_than_the_resource_bucket_holds_are_throttled(self) -> None:
        made = self.ids(self.fleet(110))
        self.fake.control("POST", "settings", throttle_scale=0.1)
        with self.refused("RequestLimitExceeded", 503):
            self.ec2.terminate_instances(InstanceIds=made)
        self.assertEqual(len(self.ec2.terminate_instances(
            InstanceIds=made[:90])["TerminatingInstances"]), 90)

    def test_a_dry_run_launches_nothing(self) -> None:
        self.template(InstanceType="t3.micro")
        with self.refused("DryRunOperation", 412):
            self.fleet(1, DryRun=True)
        wish = {"MinCount": 1, "MaxCount": 1, "LaunchTemplate": {"LaunchTemplateName": "paddock"}}
        with self.refused("DryRunOperation", 412):
            self.ec2.run_instances(DryRun=True, **wish)
        self.assertEqual(self.states(), {})
        self.assertEqual(len(self.ec2.run_instances(**wish)["Instances"]), 1)


@kit.needs_botocore
class Instances(Ec2Case):
    def test_pages_hold_each_instance_once(self) -> None:
        wanted = self.ids(self.fleet(23))
        pages = list(self.ec2.get_paginator("describe_instances").paginate(
            PaginationConfig={"PageSize": 5}))
        found = [item["InstanceId"] for page in pages for group in page["Reservations"]
                 for item in group["Instances"]]
        self.assertEqual(len(pages), 5)
        self.assertEqual(found, wanted)
        with self.refused("InvalidPaginationToken"):
            self.ec2.describe_instances(NextToken="nonesuch")

    def test_filters_are_all_to_fit(self) -> None:
        first, second = self.ids(self.fleet(1)), self.ids(self.fleet(1, "on-demand"))
        self.ec2.create_tags(Resources=second, Tags=[{"Key": "name", "Value": "second one"}])

        def found(name: str, *values: str) -> list[str]:
            return list(self.states(Filters=[
                {"Name": name, "Values": list(values)},
                {"Name": "instance-state-name", "Values": ["running", "pending"]},
            ]))

        self.assertEqual(found("instance-id", *first), first)
        self.assertEqual(found("tag:name", "second*"), second)
        self.assertEqual(found("tag:name", "second ?"), [])
        self.assertEqual(found("tag-key", "name"), second)
        self.assertEqual(found("instance-lifecycle", "spot"), first)
        self.assertEqual(found("instance-type", "r6i.*", "m6i.large"), first + second)
        with self.refused("InvalidParameterValue"):
            found("nonesuch", "x")
        with self.refused("FilterLimitExceeded"):
            found("instance-id", *(f"i-{number:017x}" for number in range(201)))

    def test_ids_and_pages_exclude_each_other(self) -> None:
        with self.refused("InvalidParameterCombination"):
            self.ec2.describe_instances(InstanceIds=self.ids(self.fleet(1)), MaxResults=5)

    def test_new_instances_are_not_found_for_a_while(self) -> None:
        self.fake.control("POST", "settings", consistency_lag=600)
        made = self.ids(self.fleet(1))
        self.assertEqual(self.states(), {})
        with self.refused("InvalidInstanceID.NotFound", 400):
            self.ec2.describe_instances(InstanceIds=made)
        with self.refused("InvalidInstanceID.NotFound", 400):
            self.ec2.terminate_instances(InstanceIds=made)
        self.fake.control("POST", "settings", consistency_lag=0)
        self.assertEqual(list(self.states()), made)

    def test_instances_boot_and_end_in_their_time(self) -> None:
        self.fake.control("POST", "settings", boot_delay=3, shutdown_delay=3, throttle_scale=0)
        made = self.ids(self.fleet(1))
        self.assertEqual(self.states(), {made[0]: "pending"})
        self.wait_for(lambda: self.states() == {made[0]: "running"})
        changed = self.ec2.terminate_instances(InstanceIds=made)["TerminatingInstances"][0]
        self.assertEqual(changed["CurrentState"]["Name"], "shutting-down")
        self.assertEqual(changed["PreviousState"]["Name"], "running")
        self.wait_for(lambda: self.states() == {made[0]: "terminated"})

    def test_terminated_instances_linger_and_then_are_unknown(self) -> None:
        made = self.ids(self.fleet(1))
        self.ec2.terminate_instances(InstanceIds=made)
        again = self.ec2.terminate_instances(InstanceIds=made)["TerminatingInstances"][0]
        self.assertEqual(again["PreviousState"]["Name"], "terminated")
        self.assertEqual(self.states(), {made[0]: "terminated"})
        self.fake.control("POST", "settings", linger=0.0)
        self.fake.control("POST", "settings", throttle_scale=0)
        self.wait_for(lambda: not self.states())

    def test_one_bad_id_fails_the_whole_termination(self) -> None:
        made = self.ids(self.fleet(2))
        with self.refused("InvalidInstanceID.NotFound", 400) as caught:
            self.ec2.terminate_instances(InstanceIds=[*made, "i-0123456789abcdef0"])
        self.assertIn("'i-0123456789abcdef0'", str(caught.exception))
        with self.refused("InvalidInstanceID.Malformed", 400):
            self.ec2.terminate_instances(InstanceIds=[*made, "i-nonesuch"])
        self.assertEqual(set(self.states().values()), {"running"})

    def test_types_are_described(self) -> None:
        found = self.ec2.describe_instance_types(Filters=[
            {"Name": "processor-info.supported-architecture", "Values": ["arm64"]},
            {"Name": "bare-metal", "Values": ["false"]},
        ])["InstanceTypes"]
        self.assertEqual({item["InstanceType"].partition(".")[0] for item in found}, {"m7g"})
        large = self.ec2.describe_instance_types(InstanceTypes=["r6i.2xlarge"])["InstanceTypes"][0]
        self.assertEqual(large["VCpuInfo"]["DefaultVCpus"], 8)
        self.assertEqual(large["MemoryInfo"]["SizeInMiB"], 65536)
        with self.refused("InvalidInstanceType", 400):
            self.ec2.describe_instance_types(InstanceTypes=["r6i.nonesuch"])

    def test_subnets_are_described(self) -> None:
        zone = self.fake.variables["AWS_REGION"] + "b"
        found = self.ec2.describe_subnets(
            Filters=[{"Name": "availability-zone", "Values": [zone]}])["Subnets"]
        self.assertEqual([item["SubnetId"] for item in found], ["subnet-0000000000000000b"])
        with self.refused("InvalidSubnetID.NotFound"):
            self.ec2.describe_subnets(SubnetIds=["subnet-nonesuch"])


@kit.needs_botocore
class Templates(Ec2Case):
    def test_a_template_has_versions(self) -> None:
        name = self.template(InstanceType="r6i.large", SecurityGroupIds=["sg-1"], NetworkInterfaces=[
            {"DeviceIndex": 0, "SubnetId": "subnet-0000000000000000a", "Groups": ["sg-2"]}])
        made = self.ec2.create_launch_template_version(
            LaunchTemplateId=name, SourceVersion="1", VersionDescription="the second",
            LaunchTemplateData={"InstanceType": "m6i.large"})["LaunchTemplateVersion"]
        self.assertEqual((made["VersionNumber"], made["DefaultVersion"]), (2, False))
        self.assertEqual(made["LaunchTemplateData"]["SecurityGroupIds"], ["sg-1"])
        self.assertEqual(made["LaunchTemplateData"]["NetworkInterfaces"][0]["Groups"], ["sg-2"])
        changed = self.ec2.modify_launch_template(LaunchTemplateId=name, DefaultVersion="2")
        self.assertEqual(changed["LaunchTemplate"]["DefaultVersionNumber"], 2)

        def kind(*versions: str) -> list[str]:
            found = self.ec2.describe_launch_template_versions(
                LaunchTemplateId=name, Versions=list(versions))["LaunchTemplateVersions"]
            return [item["LaunchTemplateData"]["InstanceType"] for item in found]

        self.assertEqual(kind("$Default", "1"), ["m6i.large", "r6i.large"])
        self.assertEqual(kind(), ["m6i.large", "r6i.large"])
        with self.refused("InvalidLaunchTemplateId.VersionNotFound"):
            kind("3")

    def test_a_name_is_taken_once(self) -> None:
        self.template()
        with self.refused("InvalidLaunchTemplateName.AlreadyExistsException"):
            self.template()
        self.ec2.delete_launch_template(LaunchTemplateName="paddock")
        with self.refused("InvalidLaunchTemplateName.NotFoundException"):
            self.ec2.describe_launch_templates(LaunchTemplateNames=["paddock"])
        self.template()


@kit.needs_botocore
class Trouble(Ec2Case):
    def test_unfiltered_descriptions_are_throttled_first(self) -> None:
        # A tenth of all buckets, so that a slow machine drains them, too.
        self.fake.control("POST", "settings", throttle_scale=0.1)
        filters = [{"Name": "tag-key", "Values": ["x"]}]
        for _ in range(8):
            self.ec2.describe_instances(Filters=filters)
        taken = 0
        with self.refused("RequestLimitExceeded", 503):
            for _ in range(200):
                self.ec2.describe_instances()
                taken += 1
        # 5 at once, and what flows in meanwhile.
        self.assertGreaterEqual(taken, 5)
        codes = [entry.get("code") for entry in self.fake.requests(action="DescribeInstances")]
        self.assertEqual(codes.count("RequestLimitExceeded"), 1)

    def test_throttling_can_be_ordered_and_switched_off(self) -> None:
        self.fake.fault("throttle", action="DescribeSubnets", times=2)
        for _ in range(2):
            with self.refused("RequestLimitExceeded", 503):
                self.ec2.describe_subnets()
        self.ec2.describe_subnets()
        self.fake.control("POST", "settings", throttle_scale=0)
        for _ in range(120):
            self.ec2.describe_instances()

    def test_a_connection_is_cut_before_or_after_the_execution(self) -> None:
        self.template()
        for kind, launched in (("cut-before", 0), ("cut-after", 2)):
            for reset in (False, True):
                self.fake.fault(kind, action="CreateFleet", reset=reset)
                with self.assertRaises(botocore.exceptions.BotoCoreError):
                    self.fleet(1)
            self.assertEqual(len(self.states()), launched)
        self.assertEqual([e["status"] for e in self.fake.requests(action="CreateFleet")], [0] * 4)

    def test_the_answer_to_a_cut_request_is_had_by_its_token(self) -> None:
        self.fake.fault("cut-after", action="CreateFleet")
        with self.assertRaises(botocore.exceptions.BotoCoreError):
            self.fleet(1, ClientToken="again")
        made = self.ids(self.fleet(1, ClientToken="again"))
        self.assertEqual(list(self.states()), made)

    def test_an_answer_can_be_malformed_or_an_error_of_the_server(self) -> None:
        self.fake.fault("malformed", action="DescribeSubnets")
        with self.assertRaises(botocore.parsers.ResponseParserError):
            self.ec2.describe_subnets()
        self.fake.fault("status", status=500)
        with self.refused("InternalError", 500):
            self.ec2.describe_subnets()
        self.fake.fault("error", code="OptInRequired", status=401)
        with self.refused("OptInRequired", 401):
            self.ec2.describe_subnets()

    def test_an_answer_can_come_late(self) -> None:
        self.fake.fault("delay", seconds=0.7)
        before = time.monotonic()
        self.ec2.describe_subnets()
        self.assertGreaterEqual(time.monotonic() - before, 0.7)

    def test_a_clock_that_is_wrong_refuses_and_tells_its_time(self) -> None:
        self.fake.control("POST", "settings", clock_offset=3600)
        with self.refused("RequestExpired", 400) as caught:
            self.ec2.describe_subnets()
        date = caught.exception.response["ResponseMetadata"]["HTTPHeaders"]["date"]
        told = time.mktime(time.strptime(date, "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
        self.assertAlmostEqual(told, time.time() + 3600, delta=60)

    def test_wrong_keys_are_refused(self) -> None:
        for keys in ({"AccessKeyId": "AKIAOTHER", "SecretAccessKey": "x"},
                     {"AccessKeyId": "AKIAFAKEFAKEFAKEFAKE", "SecretAccessKey": "x"}):
            with self.refused("AuthFailure", 401):
                self.fake.client("ec2", keys).describe_subnets()
        self.assertEqual([bool(e.get("refused")) for e in self.fake.requests()], [True, True])

    def test_parameters_that_ec2_does_not_know_are_refused(self) -> None:
        def add(params: Any, **_: Any) -> None:
            params["body"]["Nonesuch.1.Key"] = "x"

        self.ec2.meta.events.register("before-call.ec2.DescribeSubnets", add)
        with self.refused("UnknownParameter", 400):
            self.ec2.describe_subnets()

    def test_actions_that_are_not_there_are_refused(self) -> None:
        with self.refused("InvalidAction", 400):
            self.ec2.describe_vpcs()

    def test_unknown_faults_and_settings_are_refused(self) -> None:
        for what, wish in (("faults", {"kind": "nonesuch"}), ("settings", {"nonesuch": 1})):
            with self.assertRaises(kit.urllib.error.HTTPError):
                self.fake.control("POST", what, **wish)


if __name__ == "__main__":
    kit.main()
