#!/usr/bin/env python3
"""The fake STS, SSM and S3, with botocore as their client."""

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request

import kit

ROLE = "arn:aws:iam::123456789012:role/ci/deployer"


def web_token(expires: float) -> str:
    """A JSON web token, as a forge hands out; nobody checks its signature here."""
    parts = [{"alg": "RS256"}, {"iss": "https://forge.example", "sub": "repo", "aud": "sts",
                                "exp": expires}]
    return ".".join([base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
                     for part in parts] + ["c2ln"])


@kit.needs_botocore
class Sts(kit.FakeCase):
    def test_a_caller_is_told_who_it_is(self) -> None:
        who = self.fake.client("sts").get_caller_identity()
        self.assertEqual(who["Account"], "123456789012")
        self.assertEqual(who["Arn"], "arn:aws:iam::123456789012:user/tester")

    def test_a_role_is_assumed_and_used(self) -> None:
        made = self.fake.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="test")
        arn = "arn:aws:sts::123456789012:assumed-role/deployer/test"
        self.assertEqual(made["AssumedRoleUser"]["Arn"], arn)
        who = self.fake.client("sts", made["Credentials"]).get_caller_identity()
        self.assertEqual(who["Arn"], arn)
        self.fake.client("ec2", made["Credentials"]).describe_subnets()
        for session, seconds in (("a b", 900), ("test", 899), ("test", 43201)):
            with self.refused("ValidationError", 400):
                self.fake.client("sts", parameter_validation=False).assume_role(
                    RoleArn=ROLE, RoleSessionName=session, DurationSeconds=seconds)

    def test_a_web_identity_is_assumed_without_keys(self) -> None:
        wish = {"RoleArn": ROLE, "RoleSessionName": "test"}
        client = self.fake.client("sts")
        made = client.assume_role_with_web_identity(
            WebIdentityToken=web_token(time.time() + 60), **wish)
        self.assertEqual(made["SubjectFromWebIdentityToken"], "repo")
        self.assertNotIn(
            "access_key", self.fake.requests(action="AssumeRoleWithWebIdentity")[0])
        self.fake.client("sts", made["Credentials"]).get_caller_identity()
        with self.refused("ExpiredTokenException", 400):
            client.assume_role_with_web_identity(
                WebIdentityToken=web_token(time.time() - 60), **wish)
        with self.refused("InvalidIdentityToken", 400):
            client.assume_role_with_web_identity(WebIdentityToken="nonesuch", **wish)

    def test_without_a_signature_nothing_else_is_answered(self) -> None:
        form = urllib.parse.urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(self.fake.url, form.encode())
        self.assertEqual(caught.exception.code, 403)
        self.assertIn(b"MissingAuthenticationToken", caught.exception.read())

    def test_keys_expire(self) -> None:
        keys = self.fake.client("sts").assume_role(
            RoleArn=ROLE, RoleSessionName="test")["Credentials"]
        self.fake.control("POST", "expire", access_key=keys["AccessKeyId"])
        for service, method, code in (
            ("sts", "get_caller_identity", "ExpiredToken"),
            ("ec2", "describe_subnets", "RequestExpired"),
            ("ssm", "describe_instance_information", "ExpiredTokenException"),
        ):
            with self.refused(code):
                getattr(self.fake.client(service, keys), method)()
        self.fake.client("sts").get_caller_identity()
        self.fake.fault("expired-token", service="sts")
        with self.refused("ExpiredToken", 403):
            self.fake.client("sts").get_caller_identity()


@kit.needs_botocore
class Ssm(kit.FakeCase):
    def setUp(self) -> None:
        super().setUp()
        self.ssm = self.fake.client("ssm")

    def test_a_parameter_is_put_read_and_deleted(self) -> None:
        self.ssm.put_parameter(Name="/paddock/key", Value="geheim", Type="SecureString")
        found = self.ssm.get_parameter(Name="/paddock/key", WithDecryption=True)["Parameter"]
        self.assertEqual((found["Value"], found["Version"]), ("geheim", 1))
        hidden = self.ssm.get_parameter(Name="/paddock/key")["Parameter"]
        self.assertNotEqual(hidden["Value"], "geheim")
        with self.refused("ParameterAlreadyExists", 400):
            self.ssm.put_parameter(Name="/paddock/key", Value="x", Type="String")
        changed = self.ssm.put_parameter(Name="/paddock/key", Value="neu", Overwrite=True)
        self.assertEqual(changed["Version"], 2)
        self.ssm.delete_parameter(Name="/paddock/key")
        with self.refused("ParameterNotFound", 400):
            self.ssm.get_parameter(Name="/paddock/key")
        with self.refused("ParameterNotFound", 400):
            self.ssm.delete_parameter(Name="/paddock/key")

    def test_a_value_that_is_too_long_needs_another_tier(self) -> None:
        wish = {"Name": "long", "Value": "x" * 4097, "Type": "String"}
        with self.refused("ValidationException", 400):
            self.ssm.put_parameter(**wish)
        self.ssm.put_parameter(**wish, Tier="Advanced")

    def test_running_instances_are_online(self) -> None:
        ec2 = self.fake.client("ec2")
        made = ec2.run_instances(MinCount=12, MaxCount=12, InstanceType="t3.micro", ImageId="ami-1")
        ids = [item["InstanceId"] for item in made["Instances"]]
        pages = self.ssm.get_paginator("describe_instance_information").paginate(MaxResults=5)
        found = [item["InstanceId"] for page in pages for item in page["InstanceInformationList"]]
        self.assertEqual(found, ids)
        ec2.terminate_instances(InstanceIds=ids[1:])
        found = self.ssm.describe_instance_information(
            Filters=[{"Key": "InstanceIds", "Values": ids[:2]}])["InstanceInformationList"]
        self.assertEqual([(i["InstanceId"], i["PingStatus"]) for i in found], [(ids[0], "Online")])

    def test_it_is_throttled_in_its_own_words(self) -> None:
        self.fake.fault("throttle", service="ssm", action="GetParameter")
        with self.refused("ThrottlingException", 400):
            self.ssm.get_parameter(Name="x")


@kit.needs_botocore
class S3(kit.FakeCase):
    def setUp(self) -> None:
        super().setUp()
        self.s3 = self.fake.client("s3")

    def test_an_object_is_put_and_got(self) -> None:
        data = bytes(range(256)) * 5000
        key = "logs/run 1/ä+(1)=*'~.txt"
        self.s3.put_object(Bucket="paddock", Key=key, Body=data)
        got = self.s3.get_object(Bucket="paddock", Key=key)
        self.assertEqual(got["Body"].read(), data)
        self.assertEqual(self.s3.head_object(Bucket="paddock", Key=key)["ETag"], got["ETag"])
        self.s3.delete_object(Bucket="paddock", Key=key)
        with self.refused("NoSuchKey", 404):
            self.s3.get_object(Bucket="paddock", Key=key)

    def test_buckets_are_made(self) -> None:
        with self.refused("NoSuchBucket", 404):
            self.s3.put_object(Bucket="another", Key="x", Body=b"x")
        self.s3.create_bucket(Bucket="another", CreateBucketConfiguration={
            "LocationConstraint": self.fake.variables["AWS_REGION"]})
        self.s3.put_object(Bucket="another", Key="x", Body=b"x")

    def test_it_is_slowed_down_in_its_own_words(self) -> None:
        self.fake.fault("throttle", service="s3")
        with self.refused("SlowDown", 503):
            self.s3.put_object(Bucket="paddock", Key="x", Body=b"x")

    def test_a_skewed_clock_has_its_own_name(self) -> None:
        self.fake.control("POST", "settings", clock_offset=-1000)
        with self.refused("RequestTimeTooSkewed", 403):
            self.s3.put_object(Bucket="paddock", Key="x", Body=b"x")


if __name__ == "__main__":
    kit.main()
