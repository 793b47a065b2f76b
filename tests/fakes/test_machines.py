#!/usr/bin/env python3
"""Instances that run a command, and their metadata service."""

import http.client
import json
import os
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import kit

TTL, TOKEN = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
# Tells what it sees, and then waits to be ended.
COMMAND = r"""
if [ -n "${AWS_EC2_METADATA_SERVICE_ENDPOINT-}" ]; then url=$AWS_EC2_METADATA_SERVICE_ENDPOINT
else url=http://169.254.169.254; fi
exec /usr/bin/env python3 -I -B - "$url" <<'END'
import os, signal, subprocess, sys, time, urllib.request
def ask(method, path, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(sys.argv[1] + path, method=method, headers=names)
    return urllib.request.urlopen(request, timeout=10).read().decode()
token = ask("PUT", "/latest/api/token", X_aws_ec2_metadata_token_ttl_seconds="60")
name = ask("GET", "/latest/meta-data/instance-id", X_aws_ec2_metadata_token=token)
assert name == os.environ["INSTANCE_ID"], name
assert "AWS_SECRET_ACCESS_KEY" not in os.environ
control = urllib.request.urlopen(os.environ["AWS_FAKE_CONTROL"] + "/_control/about", timeout=10)
assert control.status == 200
def end(*_):
    print("asked to end", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
subprocess.Popen(["sleep", "1000"])
print("up", os.getpid(), flush=True)
while not os.path.exists("shut-down"):
    time.sleep(0.02)
subprocess.run(["shutdown", "-h", "now"], check=True)
time.sleep(1000)
END
"""


class MachineCase(kit.FakeCase):
    """Plain EC2 through botocore, which is needed here, too."""

    def setUp(self) -> None:
        super().setUp()
        self.ec2 = self.fake.client("ec2")

    def launch(self, **more: Any) -> str:
        made = self.ec2.run_instances(**({
            "MinCount": 1, "MaxCount": 1, "InstanceType": "r6i.large", "ImageId": "ami-1",
            "IamInstanceProfile": {"Name": "agent"},
        } | more))
        return str(made["Instances"][0]["InstanceId"])

    def state(self, name: str) -> str:
        return {i["id"]: i["state"] for i in self.fake.control("GET", "instances")}[name]

    def console(self, name: str) -> str:
        path = Path(self.fake.directory.name, name, "console.log")
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def wait_for_console(self, name: str, text: str) -> None:
        try:
            self.wait_for(lambda: text in self.console(name))
        except AssertionError:
            raise AssertionError(f"no '{text}' in: {self.console(name)}") from None

    def processes(self, name: str) -> list[str]:
        """Of the instance: those whose working directory is its own."""
        home, found = str(Path(self.fake.directory.name, name).resolve()), []
        for link in Path("/proc").glob("[0-9]*/cwd"):
            try:
                found += [link.parts[2]] if os.readlink(link) == home else []
            except OSError:
                continue
        return found


@kit.needs_botocore
class Metadata(MachineCase):
    def setUp(self) -> None:
        super().setUp()
        self.name = ""
        self.token = ""

    def begin(self, **more: Any) -> None:
        self.name = self.launch(**more)
        url = self.fake.control("GET", "imds", instance=self.name)["url"]
        self.host = url.removeprefix("http://")
        self.token = self.ask("PUT", "/latest/api/token", {TTL: "60"})[1]

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.host, timeout=10)
        connection.request(method, path, headers={TOKEN: self.token} if headers is None else headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text

    def get(self, path: str) -> tuple[int, str]:
        return self.ask("GET", "/latest/" + path)

    def test_an_instance_learns_who_it_is(self) -> None:
        self.begin(UserData="hello")
        zone = self.fake.variables["AWS_REGION"] + "a"
        for path, value in (
            ("meta-data/instance-id", self.name), ("meta-data/instance-type", "r6i.large"),
            ("meta-data/placement/availability-zone", zone),
            ("meta-data/placement/region", zone[:-1]), ("user-data", "hello"),
            ("meta-data/instance-life-cycle", "on-demand"),
            ("meta-data/placement/", "availability-zone\nregion"),
            ("meta-data/iam/security-credentials/", "agent"),
        ):
            self.assertEqual(self.get(path), (200, value))
        document = json.loads(self.get("dynamic/instance-identity/document")[1])
        self.assertEqual(document["instanceId"], self.name)
        self.assertEqual(self.get("meta-data/nonesuch")[0], 404)

    def test_without_a_token_nothing_is_told(self) -> None:
        self.begin()
        path = "/latest/meta-data/instance-id"
        self.assertEqual(self.ask("GET", path, {})[0], 401)
        self.assertEqual(self.ask("GET", path, {TOKEN: "nonesuch"})[0], 401)
        for ttl in ("0", "21601", "x", ""):
            self.assertEqual(self.ask("PUT", "/latest/api/token", {TTL: ttl})[0], 400)
        self.assertEqual(self.ask("PUT", "/latest/api/token", {})[0], 400)
        self.assertEqual(self.ask("GET", "/latest/api/token", {TTL: "60"})[0], 405)
        forwarded = {TTL: "60", "X-Forwarded-For": "10.0.0.1"}
        self.assertEqual(self.ask("PUT", "/latest/api/token", forwarded)[0], 403)

    def test_a_token_expires(self) -> None:
        self.begin()
        self.token = self.ask("PUT", "/latest/api/token", {TTL: "3"})[1]
        self.assertEqual(self.get("meta-data/instance-id")[0], 200)
        self.wait_for(lambda: self.get("meta-data/instance-id")[0] == 401)

    def test_tags_are_told_where_the_template_says_so(self) -> None:
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "pool", "Value": "a b"}]}]
        self.begin(TagSpecifications=tags)
        self.assertEqual(self.get("meta-data/tags/instance/pool")[0], 404)
        self.begin(TagSpecifications=tags, MetadataOptions={"InstanceMetadataTags": "enabled"})
        self.assertEqual(self.get("meta-data/tags/instance/pool"), (200, "a b"))
        self.assertEqual(self.get("meta-data/tags/instance/"), (200, "pool"))

    def test_the_keys_of_the_role_are_good_until_they_expire(self) -> None:
        self.begin()
        path = "meta-data/iam/security-credentials/agent"
        keys = json.loads(self.get(path)[1])
        keys["SessionToken"] = keys["Token"]
        who = self.fake.client("sts", keys).get_caller_identity()["Arn"]
        self.assertTrue(who.endswith(f"assumed-role/agent/{self.name}"), who)
        self.fake.control("POST", "expire")
        with self.refused("ExpiredToken"):
            self.fake.client("sts", keys).get_caller_identity()
        self.assertNotEqual(json.loads(self.get(path)[1])["AccessKeyId"], keys["AccessKeyId"])

    def test_a_notice_is_there_only_when_it_was_given(self) -> None:
        self.begin(InstanceMarketOptions={"MarketType": "spot"})
        notice, advice = "meta-data/spot/instance-action", "meta-data/events/recommendations/rebalance"
        self.assertEqual((self.get(notice)[0], self.get(advice)[0]), (404, 404))
        self.fake.control("POST", "rebalance", instance=self.name)
        self.assertIn("noticeTime", json.loads(self.get(advice)[1]))
        self.fake.control("POST", "spot-notice", instance=self.name, seconds=0.5)
        self.assertEqual(json.loads(self.get(notice)[1])["action"], "terminate")
        self.wait_for(lambda: self.state(self.name) == "terminated")
        found = self.ec2.describe_instances(InstanceIds=[self.name])
        reason = found["Reservations"][0]["Instances"][0]["StateReason"]["Code"]
        self.assertEqual(reason, "Server.SpotInstanceTermination")

    def test_it_fails_on_demand(self) -> None:
        self.begin()
        path = "/latest/meta-data/instance-id"
        self.fake.fault("status", service="imds", action=path, status=503)
        self.assertEqual(self.ask("GET", path)[0], 503)
        self.fake.fault("cut-before", service="imds", instance=self.name)
        with self.assertRaises(http.client.RemoteDisconnected):
            self.ask("GET", path)
        self.fake.fault("delay", service="imds", seconds=30)
        connection = http.client.HTTPConnection(self.host, timeout=0.3)
        connection.request("GET", path)
        with self.assertRaises(TimeoutError):
            connection.getresponse()
        connection.close()
        self.assertEqual(self.ask("GET", path), (200, self.name))


class Living(MachineCase):
    """What is the same with and without namespaces."""

    __test__ = False

    def test_a_machine_runs_until_it_is_terminated(self) -> None:
        self.fake.control("POST", "settings", shutdown_delay=20)
        name = self.launch()
        self.wait_for_console(name, "up")
        self.assertTrue(self.processes(name))
        self.ec2.terminate_instances(InstanceIds=[name])
        self.wait_for_console(name, "asked to end")
        self.wait_for(lambda: not self.processes(name))

    def test_a_machine_that_does_not_end_is_ended(self) -> None:
        self.fake.control("POST", "settings", shutdown_delay=0)
        name = self.launch()
        self.wait_for_console(name, "up")
        self.ec2.terminate_instances(InstanceIds=[name])
        self.wait_for(lambda: not self.processes(name))
        self.assertEqual(self.state(name), "terminated")

    def test_a_machine_that_ends_while_it_is_pending_never_boots(self) -> None:
        self.fake.control("POST", "settings", boot_delay=30)
        name = self.launch()
        self.ec2.terminate_instances(InstanceIds=[name])
        self.assertEqual(self.state(name), "terminated")
        self.assertEqual(self.console(name), "")

    def test_shutting_down_from_inside_ends_it_as_it_was_launched(self) -> None:
        for wish, final in (("terminate", "terminated"), ("stop", "stopped")):
            name = self.launch(InstanceInitiatedShutdownBehavior=wish)
            self.wait_for_console(name, "up")
            Path(self.fake.directory.name, name, "shut-down").touch()
            self.wait_for(lambda name=name, final=final: self.state(name) == final)
            self.wait_for(lambda name=name: not self.processes(name))

    def test_a_spot_notice_comes_true(self) -> None:
        name = self.launch(InstanceMarketOptions={"MarketType": "spot"})
        self.wait_for_console(name, "up")
        self.fake.control("POST", "spot-notice", instance=name, seconds=0.3)
        self.wait_for(lambda: self.state(name) == "terminated")
        self.wait_for(lambda: not self.processes(name))

    def test_a_fake_that_is_stopped_takes_its_machines_along(self) -> None:
        other = kit.Fake(*self.options)
        made = other.client("ec2").run_instances(
            MinCount=1, MaxCount=1, InstanceType="t3.micro", ImageId="ami-1")
        home = str(Path(other.directory.name, made["Instances"][0]["InstanceId"]))
        try:
            self.wait_for_console(home, "up")
            other.process.terminate()
            other.process.wait()
            self.wait_for(lambda: not self.processes(home), 5)
        finally:
            other.stop()

    def test_machines_go_with_a_fake_that_is_killed(self) -> None:
        other = kit.Fake(*self.options)
        try:
            made = other.client("ec2").run_instances(
                MinCount=2, MaxCount=2, InstanceType="t3.micro", ImageId="ami-1")
            names = [item["InstanceId"] for item in made["Instances"]]
            homes = [Path(other.directory.name, name) for name in names]
            for home in homes:
                self.wait_for_console(str(home), "up")
            other.process.kill()
            other.process.wait()
            if "own" in self.options:
                self.wait_for(lambda: not any(self.processes(str(home)) for home in homes))
            else:
                # Nothing holds them together; integration tests look for them by their directory.
                for home in homes:
                    for pid in self.processes(str(home)):
                        os.kill(int(pid), signal.SIGKILL)
        finally:
            other.stop()


@kit.needs_botocore
class SharedNetwork(Living):
    options = ("--network", "shared", "--boot-command", COMMAND)


@kit.needs_botocore
@kit.needs_root
class OwnNetwork(Living):
    options = ("--network", "own", "--boot-command", COMMAND)

    def test_machines_have_the_one_address_each_for_itself(self) -> None:
        names = [self.launch() for _ in range(3)]
        for name in names:
            # The command has checked that the address answers with its own id.
            self.wait_for_console(name, "up")


del Living, MachineCase

if __name__ == "__main__":
    kit.main()
