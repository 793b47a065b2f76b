"""The errors that AWS answers, and the documents that each of its protocols puts them into."""

import json
from dataclasses import dataclass
from xml.sax.saxutils import escape

STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"

# Which protocol a service speaks, by the name that it has in a signature's scope.
PROTOCOLS = {"ec2": "ec2", "sts": "query", "ssm": "json", "s3": "rest-xml"}


class AwsError(Exception):
    """What a service refuses with: its code, its words and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Answer:
    """A response as it goes out."""

    status: int
    body: bytes
    content_type: str = "text/xml;charset=UTF-8"
    headers: tuple[tuple[str, str], ...] = ()


def error_answer(service: str, error: AwsError, request_id: str, resource: str = "/") -> Answer:
    """The error as that service writes it."""
    code, message = escape(error.code), escape(error.message)
    protocol = PROTOCOLS.get(service, "ec2")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    if protocol == "json":
        document = json.dumps({"__type": error.code, "message": error.message})
        kind = "application/x-amz-json-1.1"
        return Answer(error.status, document.encode(), kind, (("x-amzn-RequestId", request_id),))
    if protocol == "query":
        side = "Sender" if error.status < 500 else "Receiver"
        text = (
            f'<ErrorResponse xmlns="{STS_NAMESPACE}"><Error><Type>{side}</Type><Code>{code}</Code>'
            f"<Message>{message}</Message></Error><RequestId>{request_id}</RequestId>"
            "</ErrorResponse>"
        )
        return Answer(error.status, text.encode(), "text/xml")
    if protocol == "rest-xml":
        text = head + (
            f"<Error><Code>{code}</Code><Message>{message}</Message>"
            f"<Resource>{escape(resource)}</Resource><RequestId>{request_id}</RequestId>"
            "<HostId>fake</HostId></Error>"
        )
        return Answer(error.status, text.encode(), "application/xml")
    text = head + (
        f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        f"<RequestID>{request_id}</RequestID></Response>"
    )
    return Answer(error.status, text.encode())


# What throttling is called.
THROTTLED = {
    "ec2": AwsError("RequestLimitExceeded", "Request limit exceeded.", 503),
    "sts": AwsError("Throttling", "Rate exceeded", 400),
    "ssm": AwsError("ThrottlingException", "Rate exceeded", 400),
    "s3": AwsError("SlowDown", "Please reduce your request rate.", 503),
}


def throttled(service: str) -> AwsError:
    """Each time a new one, as an exception keeps where it was raised."""
    model = THROTTLED[service]
    return AwsError(model.code, model.message, model.status)


# Why a signature was refused -> what each service calls that. "*" is every other one's name.
_AUTH_FAILURE = ("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
_EC2_EXPIRED = ("RequestExpired", "Request has expired.", 400)
_TOKEN_EXPIRED = "The security token included in the request is expired"
_TOKEN_INVALID = "The security token included in the request is invalid."
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method."
)
REFUSALS: dict[str, dict[str, tuple[str, str, int]]] = {
    "missing": {
        "ec2": ("AuthFailure", "AWS was not able to validate the provided access credentials", 401),
        "sts": ("MissingAuthenticationToken", "Request is missing Authentication Token", 403),
        "ssm": ("MissingAuthenticationTokenException", "Missing Authentication Token", 400),
        "s3": ("AccessDenied", "Access Denied", 403),
    },
    "malformed": {
        "ec2": _AUTH_FAILURE,
        "sts": ("IncompleteSignature", "The request signature is incomplete", 403),
        "ssm": ("IncompleteSignatureException", "The request signature is incomplete", 400),
        "s3": ("AuthorizationHeaderMalformed", "The authorization header is malformed", 400),
    },
    "unknown-key": {
        "ec2": _AUTH_FAILURE,
        "sts": ("InvalidClientTokenId", _TOKEN_INVALID, 403),
        "ssm": ("UnrecognizedClientException", _TOKEN_INVALID, 400),
        "s3": (
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
            403,
        ),
    },
    "bad-token": {
        "ec2": _AUTH_FAILURE,
        "sts": ("InvalidClientTokenId", _TOKEN_INVALID, 403),
        "ssm": ("UnrecognizedClientException", _TOKEN_INVALID, 400),
        "s3": ("InvalidToken", "The provided token is malformed or otherwise invalid.", 400),
    },
    "expired-token": {
        "ec2": _EC2_EXPIRED,
        "sts": ("ExpiredToken", _TOKEN_EXPIRED, 403),
        "ssm": ("ExpiredTokenException", _TOKEN_EXPIRED, 400),
        "s3": ("ExpiredToken", "The provided token has expired.", 400),
    },
    "skewed": {
        "ec2": _EC2_EXPIRED,
        "sts": ("SignatureDoesNotMatch", "Signature expired", 403),
        "ssm": ("InvalidSignatureException", "Signature expired", 400),
        "s3": (
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            403,
        ),
    },
    "mismatch": {
        "ec2": _AUTH_FAILURE,
        "sts": ("SignatureDoesNotMatch", _MISMATCH, 403),
        "ssm": ("InvalidSignatureException", _MISMATCH, 400),
        "s3": ("SignatureDoesNotMatch", _MISMATCH, 403),
    },
    "payload": {
        "ec2": _AUTH_FAILURE,
        "sts": ("SignatureDoesNotMatch", _MISMATCH, 403),
        "ssm": ("InvalidSignatureException", _MISMATCH, 400),
        "s3": (
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            400,
        ),
    },
}


def refusal(service: str, kind: str, why: str) -> AwsError:
    """The error of a request whose signature is refused, in that service's words."""
    code, message, status = REFUSALS[kind].get(service, REFUSALS[kind]["sts"])
    # EC2 keeps its reasons to itself; the others tell some of theirs.
    return AwsError(code, message if service == "ec2" else f"{message}: {why}", status)
