"""SSM: parameters, and which instances have its agent."""

import json
import re
from typing import Any

from . import models
from .errors import Answer, AwsError
from .signature import Request
from .state import RUNNING, Account, Parameter

PREFIX = "AmazonSSM."
STANDARD_BYTES, ADVANCED_BYTES = 4096, 8192
# What AWS itself publishes.
PUBLIC = {
    "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64": "ami-00000000000000001",
    "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64": "ami-00000000000000002",
}
JSON = "application/x-amz-json-1.1"


def action_of(request: Request) -> str:
    return (request.value("x-amz-target") or "").removeprefix(PREFIX)


def call(account: Account, request: Request, request_id: str) -> Answer:
    """Carries out one action."""
    action = action_of(request)
    handlers = {
        "GetParameter": _get,
        "PutParameter": _put,
        "DeleteParameter": _delete,
        "DescribeInstanceInformation": _instances,
    }
    if (request.value("content-type") or "").split(";")[0] != JSON or action not in handlers:
        raise AwsError("UnknownOperationException", "")
    try:
        document = json.loads(request.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise AwsError("SerializationException", "")
    models.check_json("ssm", action, document)
    with account.lock:
        answer = handlers[action](account, document)
    return Answer(200, json.dumps(answer).encode(), JSON, (("x-amzn-RequestId", request_id),))


def _get(account: Account, document: dict[str, Any]) -> dict[str, Any]:
    name = document["Name"]
    if name in PUBLIC:
        found = Parameter(PUBLIC[name], "String", 1, 0.0)
    elif name in account.parameters:
        found = account.parameters[name]
    else:
        raise AwsError("ParameterNotFound", "")
    value = found.value
    if found.kind == "SecureString" and not document.get("WithDecryption"):
        value = "fake-encrypted"
    return {
        "Parameter": {
            "Name": name,
            "Type": found.kind,
            "Value": value,
            "Version": found.version,
            "LastModifiedDate": found.modified,
            "ARN": f"arn:aws:ssm:{account.region}:{account.number}:parameter/{name.lstrip('/')}",
            "DataType": "text",
        }
    }


def _put(account: Account, document: dict[str, Any]) -> dict[str, Any]:
    name, value = document["Name"], document["Value"]
    if not re.fullmatch(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", name) or name.startswith("/aws"):
        raise AwsError("ValidationException", f"Parameter name {name} is not allowed")
    tier = document.get("Tier", "Standard")
    if len(value.encode()) > (STANDARD_BYTES if tier == "Standard" else ADVANCED_BYTES) or not value:
        raise AwsError("ValidationException", f"The value has a size that tier {tier} has not")
    known = account.parameters.get(name)
    if known is not None and not document.get("Overwrite"):
        raise AwsError(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in "
            "the request to true.",
        )
    if known is None and "Type" not in document:
        raise AwsError("ValidationException", "A parameter type is required")
    kind = document.get("Type", known.kind if known else "")
    version = known.version + 1 if known else 1
    account.parameters[name] = Parameter(value, kind, version, account.now())
    return {"Version": version, "Tier": tier}


def _delete(account: Account, document: dict[str, Any]) -> dict[str, Any]:
    if account.parameters.pop(document["Name"], None) is None:
        raise AwsError("ParameterNotFound", "")
    return {}


def _instances(account: Account, document: dict[str, Any]) -> dict[str, Any]:
    found = [instance for instance, state in account.seen() if state == RUNNING]
    for wish in document.get("Filters", []) + document.get("InstanceInformationFilterList", []):
        name, values = wish.get("Key", wish.get("key")), wish.get("Values", wish.get("valueSet", []))
        if name == "InstanceIds":
            found = [instance for instance in found if instance.id in values]
        elif str(name).startswith("tag:"):
            found = [i for i in found if i.tags.get(str(name).removeprefix("tag:")) in values]
        elif name == "PingStatus":
            found = found if "Online" in values else []
        else:
            raise AwsError("InvalidFilterKey", "")
    size = document.get("MaxResults", 10)
    start = 0
    if "NextToken" in document:
        places = [n for n, item in enumerate(found, 1) if item.id == document["NextToken"]]
        if not places:
            raise AwsError("InvalidNextToken", "")
        start = places[0]
    part = found[start : start + size]
    answer: dict[str, Any] = {
        "InstanceInformationList": [
            {
                "InstanceId": instance.id,
                "PingStatus": "Online",
                "LastPingDateTime": account.now(),
                "AgentVersion": "3.3.0.0",
                "PlatformType": "Linux",
                "PlatformName": "Amazon Linux",
                "ResourceType": "EC2Instance",
                "IPAddress": instance.address,
            }
            for instance in part
        ]
    }
    if start + size < len(found):
        answer["NextToken"] = part[-1].id
    return answer
