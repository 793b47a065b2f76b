"""Our signatures are those of botocore, which signs for the AWS CLI: for 2,000 random requests."""

import json
import os
import subprocess
import sys

COUNT = 2000

print("1..1")
try:
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    print("ok 1 - signs like botocore # SKIP there is no botocore (package python3-botocore)")
    sys.exit(0)


def authorization_of(sample):
    """What botocore makes of a request."""
    token = sample["token"] or None
    credentials = Credentials(sample["key_id"], sample["secret_key"], token)
    kind = S3SigV4Auth if sample["service"] == "s3" else SigV4Auth
    signer = kind(credentials, sample["service"], sample["region"])
    query = "?" + sample["query"] if sample["query"] else ""
    request = AWSRequest(
        method=sample["method"],
        url="http://" + sample["host"] + sample["path"] + query,
        data=bytes.fromhex(sample["body"]),
    )
    for header in sample["headers"]:
        name, value = header.split(":", 1)
        request.headers[name] = value
    # As add_auth() does it, but at the time of the sample.
    request.context["timestamp"] = sample["date"]
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    signer._inject_signature_to_request(request, signature)
    sha256 = request.headers.get("X-Amz-Content-SHA256", "")
    return request.headers["Authorization"], sha256, canonical


seed = os.environ.get("SEED") or str(int.from_bytes(os.urandom(4), "big"))
print(f"# SEED={seed}")
lines = subprocess.run(
    [sys.argv[1], str(COUNT), seed], check=True, stdout=subprocess.PIPE
).stdout.splitlines()

differing = 0
for line in lines:
    sample = json.loads(line)
    authorization, sha256, canonical = authorization_of(sample)
    if (authorization, sha256) != (sample["authorization"], sample["content_sha256"]):
        differing += 1
        if differing <= 3:
            for text in (line.decode(), authorization, canonical):
                print("# " + text.replace("\n", "\n# "))

if differing == 0 and len(lines) == COUNT:
    print("ok 1 - signs like botocore")
else:
    print(f"not ok 1 - signs like botocore: {differing} of {len(lines)} differ")
    sys.exit(1)
