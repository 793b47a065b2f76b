"""Signature Version 4, as a strict server checks it.

Written from AWS's description, without a look at any client, so that a client that agrees with it
is right. test_signature.py compares it with botocore's signer.
"""

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
# How far a request's time may be from the server's, in seconds.
WINDOW = {"s3": 900}
WINDOW_DEFAULT = 300

AUTHORIZATION = re.compile(
    ALGORITHM + r" +Credential=([^/, ]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9]+)/aws4_request, *"
    r"SignedHeaders=([a-z0-9;-]+), *Signature=([0-9a-f]{64})"
)


class Refused(Exception):
    """The signature does not hold: the kind is a key of errors.REFUSALS."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(f"{kind}: {why}")
        self.kind = kind
        self.why = why


@dataclass
class Credential:
    """A key that the fake has handed out, or was started with."""

    access_key: str
    secret: str
    arn: str
    user_id: str
    token: str | None = None
    expires: float | None = None


@dataclass(frozen=True)
class Request:
    """What came over the wire, untouched."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key.lower() == name]

    def value(self, name: str) -> str | None:
        """The first value of a header."""
        return next(iter(self.values(name)), None)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(frozen=True)
class Claim:
    """What a request's Authorization header says."""

    access_key: str
    day: str
    region: str
    service: str
    signed_headers: list[str]
    signature: str

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


def claim_of(request: Request) -> Claim | None:
    """None if the request carries no Authorization at all."""
    values = request.values("authorization")
    if not values:
        return None
    if len(values) > 1:
        raise Refused("malformed", "there are several Authorization headers")
    found = AUTHORIZATION.fullmatch(values[0].strip())
    if not found:
        raise Refused("malformed", "Authorization is not of the form that Signature Version 4 has")
    key, day, region, service, names, signature = found.groups()
    return Claim(key, day, region, service, names.split(";"), signature)


def verify(
    request: Request,
    claim: Claim,
    lookup: Callable[[str], Credential | None],
    region: str,
    now: float,
) -> Credential:
    """Whose request it is; raises Refused with the reason if it is nobody's."""
    credential = lookup(claim.access_key)
    if credential is None:
        raise Refused("unknown-key", f"there is no access key {claim.access_key}")
    if claim.region != region:
        raise Refused("mismatch", f"the scope names region {claim.region}, this is {region}")
    check_headers(request, claim)
    stamp = check_time(request, claim, now)
    payload = check_payload(request, claim)
    canonical = canonical_request(request, claim, payload)
    wanted = sign(credential.secret, claim, stamp, canonical)
    if not hmac.compare_digest(wanted, claim.signature):
        raise Refused("mismatch", f"the canonical request is {canonical!r}")
    check_token(request, credential, now)
    return credential


def check_headers(request: Request, claim: Claim) -> None:
    """Whatever can change the meaning must be signed, once; what is signed must be there."""
    names = claim.signed_headers
    if names != sorted(set(names)):
        raise Refused("malformed", "SignedHeaders are not sorted, or not unique")
    present = [name.lower() for name, _ in request.headers]
    for name in names:
        if name not in present:
            raise Refused("mismatch", f"the signed header {name} was not sent")
    must = {"host", "content-type"} & set(present) | {"host"}
    must |= {name for name in present if name.startswith("x-amz-")}
    for name in sorted(must):
        if name not in names:
            raise Refused("mismatch", f"the header {name} is not signed")
        if present.count(name) > 1:
            raise Refused("mismatch", f"the header {name} was sent more than once")


def check_time(request: Request, claim: Claim, now: float) -> str:
    stamp = request.value("x-amz-date") or ""
    try:
        when = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise Refused("malformed", "X-Amz-Date is missing or no date") from None
    if not stamp.startswith(claim.day):
        raise Refused("mismatch", f"the scope's day {claim.day} is not that of {stamp}")
    server = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    if abs(when - now) > WINDOW.get(claim.service, WINDOW_DEFAULT):
        raise Refused("skewed", f"{stamp} is too far from {server}")
    return stamp


def check_payload(request: Request, claim: Claim) -> str:
    actual = hashlib.sha256(request.body).hexdigest()
    told = request.value("x-amz-content-sha256")
    if claim.service == "s3" and told is None:
        raise Refused("payload", "x-amz-content-sha256 is missing")
    if told is not None and told not in (actual, UNSIGNED):
        raise Refused("payload", f"the body has {actual}, the header says {told}")
    return told or actual


def check_token(request: Request, credential: Credential, now: float) -> None:
    token = request.value("x-amz-security-token")
    if token != credential.token:
        raise Refused("bad-token", "X-Amz-Security-Token is not the one of this access key")
    if credential.expires is not None and now >= credential.expires:
        raise Refused("expired-token", "the token is no longer valid")


def canonical_request(request: Request, claim: Claim, payload: str) -> str:
    lines = [request.method, canonical_path(request.path, claim.service)]
    lines.append(canonical_query(request.query))
    for name in claim.signed_headers:
        values = ",".join(" ".join(value.split()) for value in request.values(name))
        lines.append(f"{name}:{values}")
    lines += ["", ";".join(claim.signed_headers), payload]
    return "\n".join(lines)


def canonical_path(path: str, service: str) -> str:
    """S3's is encoded once, and stands as it is; all others' is normalised and encoded again."""
    if service == "s3":
        return quote(unquote_to_bytes(path), safe="/-_.~") or "/"
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    tail = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + tail, safe="/-_.~")


def canonical_query(query: str) -> str:
    """Sorted by name, then value, both encoded in the one allowed way."""
    pairs = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        pairs.append((encode(name), encode(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def encode(text: str) -> str:
    return quote(unquote_to_bytes(text), safe="-_.~")


def sign(secret: str, claim: Claim, stamp: str, canonical: str) -> str:
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    text = "\n".join([ALGORITHM, stamp, claim.scope, digest])
    key = ("AWS4" + secret).encode()
    for part in (claim.day, claim.region, claim.service, "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()
