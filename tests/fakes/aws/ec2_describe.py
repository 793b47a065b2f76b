"""EC2's Describe calls: filters, pages, and being a little behind."""

import base64
import binascii
import fnmatch
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from . import wire
from .errors import AwsError
from .faults import Buckets, Fault
from .state import STATE_CODES, TERMINATED, Account, Instance

TYPES: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("types.json").read_text(encoding="utf-8")
)
FILTER_VALUES_MAX = 200
INSTANCES_MAX = 1000

T = TypeVar("T")
# For one thing that is described: the values that it has for a filter's name; None if there is no
# such filter.
Values = Callable[[T, str], "Iterable[str] | None"]


def tag_values(tags: dict[str, str], name: str) -> list[str] | None:
    if name == "tag-key":
        return list(tags)
    if name == "tag-value":
        return list(tags.values())
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return [tags[key]] if key in tags else []
    return None


def apply_filters(things: list[T], tree: dict[str, Any], values: Values[T], probe: T) -> list[T]:
    """The things that all filters let pass; one value of each filter has to fit."""
    for wish in tree.get("Filter", []):
        name, wanted = wire.required(wish, "Name"), wire.strings(wish, "Value")
        if len(wanted) > FILTER_VALUES_MAX:
            raise AwsError(
                "FilterLimitExceeded",
                f"The maximum number of filter values specified on a single call is "
                f"{FILTER_VALUES_MAX}",
            )
        if values(probe, name) is None:
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        things = [thing for thing in things if _fits(values(thing, name), wanted)]
    return things


def _fits(got: Iterable[str] | None, wanted: list[str]) -> bool:
    # AWS has * and ?, and no [sets].
    patterns = [pattern.replace("[", "[[]") for pattern in wanted]
    return any(fnmatch.fnmatchcase(value, pattern) for value in got or () for pattern in patterns)


def page(
    things: list[T], tree: dict[str, Any], key: Callable[[T], str], limits: tuple[int, int]
) -> tuple[list[T], str | None]:
    """The page that MaxResults and NextToken ask for, and the token of the next one.

    A token names the last thing of its page, so that a page is not moved by what ends meanwhile.
    """
    least, most = limits
    size = wire.number(tree, "MaxResults", most)
    if not least <= size <= most:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ( {size} ) for parameter maxResults is invalid. Expecting a value between "
            f"{least} and {most}.",
        )
    if "NextToken" in tree:
        try:
            last = base64.b64decode(tree["NextToken"], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            last = ""
        places = [number for number, thing in enumerate(things) if key(thing) == last]
        if not places:
            raise AwsError("InvalidPaginationToken", "The specified pagination token is not valid.")
        things = things[places[0] + 1 :]
    if len(things) <= size or ("MaxResults" not in tree and "NextToken" not in tree):
        return things, None
    things = things[:size]
    return things, base64.b64encode(key(things[-1]).encode()).decode()


def tag_set(tags: dict[str, str]) -> list[dict[str, str]] | None:
    return [{"key": key, "value": value} for key, value in tags.items()] or None


def check_ids(ids: list[str]) -> None:
    for name in ids:
        if not re.fullmatch(r"i-([0-9a-f]{8}|[0-9a-f]{17})", name):
            raise AwsError("InvalidInstanceID.Malformed", f'Invalid id: "{name}"')


def not_found(ids: list[str]) -> AwsError:
    names = ", ".join(ids)
    text = f"IDs '{names}' do" if len(ids) > 1 else f"ID '{names}' does"
    return AwsError("InvalidInstanceID.NotFound", f"The instance {text} not exist")


def _instance_values(pair: tuple[Instance, str], name: str) -> Iterable[str] | None:
    instance, state = pair
    plain = {
        "instance-id": [instance.id],
        "instance-state-name": [state],
        "instance-state-code": [str(STATE_CODES[state])],
        "instance-type": [instance.type],
        "availability-zone": [instance.zone],
        "subnet-id": [instance.subnet],
        "image-id": [instance.image],
        "client-token": [instance.client_token],
        "reservation-id": [instance.reservation],
        "private-ip-address": [instance.address],
        "instance-lifecycle": ["spot"] if instance.lifecycle == "spot" else [],
        "launch-time": [wire.timestamp(instance.launched)],
    }
    return plain.get(name, tag_values(instance.tags, name))


def instances(
    account: Account, _buckets: Buckets, tree: dict[str, Any], _faults: list[Fault]
) -> dict[str, Any]:
    ids = wire.strings(tree, "InstanceId")
    if ids and "MaxResults" in tree:
        raise AwsError(
            "InvalidParameterCombination",
            "The parameter instancesSet cannot be used with the parameter maxResults",
        )
    check_ids(ids)
    seen = account.seen()
    unknown = sorted(set(ids) - {instance.id for instance, _ in seen})
    if unknown:
        raise not_found(unknown)
    if ids:
        seen = [pair for pair in seen if pair[0].id in ids]
    probe = Instance("", "", "", "", "", "", "", 0.0, "", []), TERMINATED
    seen = apply_filters(seen, tree, _instance_values, probe)
    # The limits are those of a page of instances, not of reservations.
    seen, token = page(seen, tree, lambda pair: pair[0].id, (5, INSTANCES_MAX))
    reservations: dict[str, list[dict[str, Any]]] = {}
    for instance, state in seen:
        reservations.setdefault(instance.reservation, []).append(
            instance_document(account, instance, state)
        )
    return {
        "reservationSet": [
            {"reservationId": name, "ownerId": account.number, "groupSet": [], "instancesSet": items}
            for name, items in reservations.items()
        ],
        "nextToken": token,
    }


def instance_document(account: Account, instance: Instance, state: str) -> dict[str, Any]:
    kind = TYPES[instance.type]
    there = state != TERMINATED
    subnet = account.subnets[instance.subnet]
    name = f"ip-{instance.address.replace('.', '-')}.{account.region}.compute.internal"
    reason = instance.reason if state not in ("pending", "running") else None
    return {
        "instanceId": instance.id,
        "imageId": instance.image,
        "instanceState": {"code": STATE_CODES[state], "name": state},
        "privateDnsName": name if there else "",
        "dnsName": "",
        "reason": reason[1] if reason else "",
        "amiLaunchIndex": 0,
        "productCodes": [],
        "instanceType": instance.type,
        "launchTime": wire.timestamp(instance.launched),
        "placement": {"availabilityZone": instance.zone, "groupName": "", "tenancy": "default"},
        "monitoring": {"state": "disabled"},
        "subnetId": instance.subnet if there else None,
        "vpcId": subnet["vpc"] if there else None,
        "privateIpAddress": instance.address if there else None,
        "stateReason": {"code": reason[0], "message": reason[1]} if reason else None,
        "architecture": kind["arch"],
        "rootDeviceType": "ebs",
        "rootDeviceName": "/dev/xvda",
        "blockDeviceMapping": [],
        "virtualizationType": "hvm",
        "instanceLifecycle": "spot" if instance.lifecycle == "spot" else None,
        "spotInstanceRequestId": instance.spot_request,
        "clientToken": instance.client_token,
        "tagSet": tag_set(instance.tags),
        "hypervisor": "xen",
        "iamInstanceProfile": {
            "arn": f"arn:aws:iam::{account.number}:instance-profile/{instance.role}",
            "id": "AIPAFAKEFAKEFAKEFAKE",
        } if instance.role else None,
        "metadataOptions": {
            "state": "applied",
            "httpTokens": instance.metadata["HttpTokens"],
            "httpPutResponseHopLimit": int(instance.metadata["HttpPutResponseHopLimit"]),
            "httpEndpoint": instance.metadata["HttpEndpoint"],
            "instanceMetadataTags": instance.metadata["InstanceMetadataTags"],
        },
    }


def _type_values(name: str, filter_name: str) -> Iterable[str] | None:
    kind = TYPES.get(name, {"vcpus": 0, "cores": 1, "memory": 0, "arch": ""})
    metal, burstable = kind.get("metal", False), kind.get("burstable", False)
    return {
        "instance-type": [name],
        "processor-info.supported-architecture": [str(kind["arch"])],
        "vcpu-info.default-vcpus": [str(kind["vcpus"])],
        "memory-info.size-in-mib": [str(kind["memory"])],
        "bare-metal": ["true" if metal else "false"],
        "burstable-performance-supported": ["true" if burstable else "false"],
        "current-generation": ["true"],
        "hypervisor": [] if metal else ["nitro"],
        "supported-usage-class": ["on-demand", "spot"],
    }.get(filter_name)


def instance_types(
    _account: Account, _buckets: Buckets, tree: dict[str, Any], _faults: list[Fault]
) -> dict[str, Any]:
    names = wire.strings(tree, "InstanceType")
    if names and "MaxResults" in tree:
        raise AwsError(
            "InvalidParameterCombination",
            "The parameter instanceTypes cannot be used with the parameter maxResults",
        )
    unknown = sorted(set(names) - set(TYPES))
    if unknown:
        raise AwsError(
            "InvalidInstanceType",
            f"The following supplied instance types do not exist: [{', '.join(unknown)}]",
        )
    found = apply_filters(names or list(TYPES), tree, _type_values, "")
    found, token = page(found, tree, lambda name: name, (5, 100))
    return {"instanceTypeSet": [_type_document(name) for name in found], "nextToken": token}


def _type_document(name: str) -> dict[str, Any]:
    kind = TYPES[name]
    metal = kind.get("metal", False)
    return {
        "instanceType": name,
        "currentGeneration": True,
        "freeTierEligible": name == "t3.micro",
        "supportedUsageClasses": ["on-demand", "spot"],
        "supportedRootDeviceTypes": ["ebs"],
        "supportedVirtualizationTypes": ["hvm"],
        "bareMetal": metal,
        "hypervisor": None if metal else "nitro",
        "processorInfo": {"supportedArchitectures": [kind["arch"]]},
        "vCpuInfo": {
            "defaultVCpus": kind["vcpus"],
            "defaultCores": kind["cores"],
            "defaultThreadsPerCore": kind["vcpus"] // kind["cores"],
        },
        "memoryInfo": {"sizeInMiB": kind["memory"]},
        "instanceStorageSupported": False,
        "ebsInfo": {
            "ebsOptimizedSupport": "default",
            "encryptionSupport": "supported",
            "nvmeSupport": "required",
            "maximumEbsAttachments": kind["ebs"][0],
            "attachmentLimitType": kind["ebs"][1],
        },
        "networkInfo": {
            "networkPerformance": kind["network"],
            "maximumNetworkInterfaces": kind["enis"],
            "ipv4AddressesPerInterface": kind["ips"],
            "ipv6Supported": True,
            "enaSupport": "required",
        },
        "hibernationSupported": not metal,
        "burstablePerformanceSupported": kind.get("burstable", False),
        "dedicatedHostsSupported": not kind.get("burstable", False),
        "autoRecoverySupported": not metal,
    }


def subnets(
    account: Account, _buckets: Buckets, tree: dict[str, Any], _faults: list[Fault]
) -> dict[str, Any]:
    names = wire.strings(tree, "SubnetId")
    for name in names:
        if name not in account.subnets:
            raise subnet_not_found(name)

    def values(name: str, filter_name: str) -> Iterable[str] | None:
        subnet = account.subnets.get(name, {"zone": "", "vpc": "", "cidr": ""})
        return {
            "subnet-id": [name], "availability-zone": [subnet["zone"]], "vpc-id": [subnet["vpc"]],
            "cidr-block": [subnet["cidr"]], "state": ["available"],
        }.get(filter_name, tag_values(subnet.get("tags", {}), filter_name))

    found = apply_filters(names or list(account.subnets), tree, values, "")
    found, token = page(found, tree, lambda name: name, (5, 1000))
    used = [i.subnet for i in account.instances.values() if account.is_there(i)]
    return {
        "subnetSet": [
            {
                "subnetId": name,
                "subnetArn": f"arn:aws:ec2:{account.region}:{account.number}:subnet/{name}",
                "state": "available",
                "ownerId": account.number,
                "vpcId": account.subnets[name]["vpc"],
                "cidrBlock": account.subnets[name]["cidr"],
                # Five of each are AWS's own.
                "availableIpAddressCount": max(0, 251 - used.count(name)),
                "availabilityZone": account.subnets[name]["zone"],
                "defaultForAz": False,
                "mapPublicIpOnLaunch": False,
            }
            for name in found
        ],
        "nextToken": token,
    }


def subnet_not_found(name: str) -> AwsError:
    return AwsError("InvalidSubnetID.NotFound", f"The subnet ID '{name}' does not exist")
