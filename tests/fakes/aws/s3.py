"""S3, path style: putting objects and getting them."""

import hashlib
from urllib.parse import unquote

from .errors import Answer, AwsError
from .signature import Request
from .state import Account

XML = "application/xml"
NAMES = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}


def place_of(request: Request) -> tuple[str, str]:
    bucket, _, key = request.path.removeprefix("/").partition("/")
    return unquote(bucket), unquote(key)


def action_of(request: Request) -> str:
    _, key = place_of(request)
    if not key:
        return "CreateBucket" if request.method == "PUT" else "ListBuckets"
    return NAMES.get(request.method, request.method)


def call(account: Account, request: Request, request_id: str) -> Answer:
    """Carries out one request."""
    bucket, key = place_of(request)
    with account.lock:
        if action_of(request) == "CreateBucket":
            account.buckets.setdefault(bucket, {})
            return _answer(b"", request_id, 200, (("Location", f"/{bucket}"),))
        if not key or request.method not in NAMES:
            raise AwsError("NotImplemented", "This fake knows objects only", 501)
        if bucket not in account.buckets:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
        objects = account.buckets[bucket]
        if request.method == "PUT":
            return _put(objects, key, request, request_id)
        if request.method == "DELETE":
            objects.pop(key, None)
            return _answer(b"", request_id, 204)
        if key not in objects:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
        return _answer(objects[key], request_id, 200, (("ETag", _etag(objects[key])),))


def _put(objects: dict[str, bytes], key: str, request: Request, request_id: str) -> Answer:
    if request.value("if-none-match") == "*" and key in objects:
        raise AwsError(
            "PreconditionFailed", "At least one of the pre-conditions you specified did not hold",
            412,
        )
    objects[key] = request.body
    return _answer(b"", request_id, 200, (("ETag", _etag(request.body)),))


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def _answer(
    body: bytes, request_id: str, status: int, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    named = (("x-amz-request-id", request_id), ("x-amz-id-2", "fake"))
    return Answer(status, body, "binary/octet-stream", named + headers)
