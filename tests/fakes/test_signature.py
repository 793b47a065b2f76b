#!/usr/bin/env python3
"""The fake's own check of signatures: against AWS's published examples, and botocore's signer."""

import random
import string
import time
import unittest
from urllib.parse import quote

import kit
from aws.signature import Claim, Credential, Refused, Request, claim_of, sign, verify
from aws.signature import canonical_request

if kit.botocore is not None:
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

EXAMPLE_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
STAMP = "20150830T123600Z"
REGION = "eu-central-1"
ROUNDS = 300
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def signed(rng: random.Random) -> tuple[Request, Credential]:
    """A random request that botocore has signed."""
    service = rng.choice(["ec2", "sts", "ssm", "s3"])
    token = rng.choice([None, "token/+=" + str(rng.random())])
    letters = string.ascii_letters + string.digits + " /+=&?%~*'()ü€😀-_."
    text = "".join(rng.choice(letters) for _ in range(rng.randrange(30)))
    body = rng.choice([b"", text.encode(), rng.randbytes(200)])
    path = "/" + quote(text, safe="/~-_.") if service == "s3" else "/"
    query = "&".join(
        f"{quote(rng.choice(letters), safe='')}={quote(rng.choice(letters), safe='')}"
        for _ in range(rng.randrange(4))
    )
    url = f"http://127.0.0.1:{rng.randrange(1024, 65536)}{path}" + (f"?{query}" if query else "")
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "x"}
    headers |= rng.choice([{}, {"X-Amz-Target": "AmazonSSM.GetParameter"}])
    request = AWSRequest(rng.choice(["POST", "PUT", "GET"]), url, headers, body)
    credentials = Credentials("AKIAX", "secret/" + str(rng.random()), token)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(credentials, service, REGION).add_auth(request)
    prepared = request.prepare()
    sent = [(name, value) for name, value in prepared.headers.items()]
    sent = [(n, v.decode() if isinstance(v, bytes) else str(v)) for n, v in sent]
    sent.append(("Host", url.split("/")[2]))
    target = prepared.url.removeprefix("http://").partition("/")
    wire = Request(prepared.method, "/" + target[2], sent, body)
    return wire, Credential("AKIAX", credentials.secret_key, "arn", "id", token)


def check(request: Request, credential: Credential, now: float | None = None) -> None:
    claim = claim_of(request)
    assert claim is not None
    known = {credential.access_key: credential}
    verify(request, claim, known.get, REGION, time.time() if now is None else now)


def without(request: Request, name: str) -> list[tuple[str, str]]:
    return [(key, value) for key, value in request.headers if key.lower() != name]


class Signatures(unittest.TestCase):
    def test_the_published_signature_of_a_plain_get_is_ours(self) -> None:
        claim = Claim("AKIDEXAMPLE", "20150830", "us-east-1", "service", ["host", "x-amz-date"], "")
        request = Request(
            "GET", "/", [("Host", "example.amazonaws.com"), ("X-Amz-Date", STAMP)], b""
        )
        made = sign(EXAMPLE_SECRET, claim, STAMP, canonical_request(request, claim, EMPTY))
        self.assertEqual(made, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")

    def test_the_published_signature_of_list_users_is_ours(self) -> None:
        names = ["content-type", "host", "x-amz-date"]
        claim = Claim("AKIDEXAMPLE", "20150830", "us-east-1", "iam", names, "")
        request = Request("GET", "/?Action=ListUsers&Version=2010-05-08", [
            ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("Host", "iam.amazonaws.com"), ("X-Amz-Date", STAMP),
        ], b"")
        made = sign(EXAMPLE_SECRET, claim, STAMP, canonical_request(request, claim, EMPTY))
        self.assertEqual(made, "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")

    @kit.needs_botocore
    def test_what_botocore_signs_is_accepted(self) -> None:
        rng = random.Random(1)
        for _ in range(ROUNDS):
            request, credential = signed(rng)
            with self.subTest(request=request):
                check(request, credential)

    @kit.needs_botocore
    def test_whatever_is_changed_afterwards_is_refused(self) -> None:
        rng = random.Random(2)
        for _ in range(ROUNDS):
            request, credential = signed(rng)
            changed = [
                Request("PATCH", request.target, request.headers, request.body),
                Request(request.method, request.target + "x", request.headers, request.body),
                Request(request.method, request.target, request.headers, request.body + b"x"),
                Request(request.method, request.target,
                        without(request, "host") + [("Host", "example.com")], request.body),
                Request(request.method, request.target,
                        request.headers + [("X-Amz-New", "x")], request.body),
                Request(request.method, request.target,
                        without(request, "content-type") + [("Content-Type", "x")], request.body),
                Request(request.method, request.target, without(request, "x-amz-date"),
                        request.body),
            ]
            for wrong in changed:
                with self.subTest(request=wrong), self.assertRaises(Refused):
                    check(wrong, credential)

    @kit.needs_botocore
    def test_each_reason_to_refuse_has_its_kind(self) -> None:
        request, credential = signed(random.Random(3))
        now = time.time()
        other = Credential("AKIAX", "other", "arn", "id", credential.token)
        wrong_token = Credential("AKIAX", credential.secret, "arn", "id", "another token")
        ended = Credential(
            "AKIAX", credential.secret, "arn", "id", credential.token, expires=now - 1
        )
        twice = Request(
            request.method, request.target, request.headers + [("Authorization", "x")], request.body
        )
        cases = [
            ("mismatch", request, other, now), ("bad-token", request, wrong_token, now),
            ("expired-token", request, ended, now), ("skewed", request, credential, now + 2000),
            ("skewed", request, credential, now - 2000), ("malformed", twice, credential, now),
            ("unknown-key", request, Credential("AKIAY", "", "", ""), now),
        ]
        for kind, sent, known, when in cases:
            with self.subTest(kind=kind), self.assertRaises(Refused) as caught:
                check(sent, known, when)
            self.assertEqual(caught.exception.kind, kind)


if __name__ == "__main__":
    kit.main()
