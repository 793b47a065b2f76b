"""EC2's query API: which actions there are, and what all of them share."""

import copy
from collections.abc import Callable
from typing import Any

from . import ec2_describe, ec2_launch, ec2_template, models, wire
from .errors import Answer, AwsError, throttled
from .faults import Buckets, Fault
from .state import Account

Handler = Callable[..., dict[str, Any]]

ACTIONS: dict[str, Handler] = {
    "CreateFleet": ec2_launch.create_fleet,
    "RunInstances": ec2_launch.run_instances,
    "TerminateInstances": ec2_launch.terminate_instances,
    "CreateTags": ec2_launch.create_tags,
    "DescribeInstances": ec2_describe.instances,
    "DescribeInstanceTypes": ec2_describe.instance_types,
    "DescribeSubnets": ec2_describe.subnets,
    "CreateLaunchTemplate": ec2_template.create,
    "CreateLaunchTemplateVersion": ec2_template.create_version,
    "ModifyLaunchTemplate": ec2_template.modify,
    "DeleteLaunchTemplate": ec2_template.delete,
    "DescribeLaunchTemplates": ec2_template.describe,
    "DescribeLaunchTemplateVersions": ec2_template.describe_versions,
}
VERSION = "2016-11-15"
NAMESPACE = f"http://ec2.amazonaws.com/doc/{VERSION}/"
CLIENT_TOKEN_MAX = 64


def call(
    account: Account, buckets: Buckets, tree: dict[str, Any], faults: list[Fault], request_id: str
) -> Answer:
    """Carries out one action; tree is the form."""
    action = str(tree.get("Action", ""))
    if action not in ACTIONS:
        raise AwsError("InvalidAction", f"The action {action} is not valid for this web service.")
    if tree.get("Version") != VERSION:
        raise AwsError("InvalidParameterValue", f"This fake knows version {VERSION} only")
    parameters = {key: value for key, value in tree.items() if key not in ("Action", "Version")}
    filtered = bool(parameters.keys() & {"Filter", "MaxResults", "NextToken"})
    scale = account.settings.throttle_scale
    if not buckets.call(action, filtered, scale):
        raise throttled("ec2")
    models.check_form("ec2", action, parameters)
    if wire.flag(parameters, "DryRun"):
        if action in ("CreateFleet", "RunInstances"):
            ec2_launch.check_launch(account, action, parameters)
        raise AwsError(
            "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412
        )
    with account.lock:
        document = _once(account, buckets, action, parameters, faults)
    models.check_answer("ec2", action, document)
    # Those that have nothing to tell say that they have done it.
    told = document or {"return": True}
    inner = "".join(wire.element(name, value) for name, value in told.items())
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{action}Response xmlns="{NAMESPACE}">'
        f"<requestId>{request_id}</requestId>{inner}</{action}Response>"
    )
    return Answer(200, text.encode())


def _once(
    account: Account, buckets: Buckets, action: str, parameters: dict[str, Any],
    faults: list[Fault],
) -> dict[str, Any]:
    """The same client token with the same parameters gets the first answer again."""
    token = parameters.get("ClientToken")
    if token is None:
        return ACTIONS[action](account, buckets, parameters, faults)
    if not token.isascii() or len(token) > CLIENT_TOKEN_MAX or not token:
        raise AwsError("InvalidParameterValue", f"Value ({token}) for ClientToken is invalid.")
    known = account.answered.get((action, token))
    if known is not None:
        if known[0] != parameters:
            raise AwsError(
                "IdempotentParameterMismatch",
                f"The client token {token} was used with other parameters before.",
            )
        return known[1]
    document = ACTIONS[action](account, buckets, parameters, faults)
    account.answered[action, token] = (copy.deepcopy(parameters), document)
    return document
