"""EC2's calls that make instances and end them."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

from . import wire
from .ec2_describe import TYPES, check_ids, instance_document, not_found, subnet_not_found
from .ec2_template import data_of, read_tags, tags_of
from .errors import AwsError, throttled
from .faults import Buckets, Fault
from .state import PENDING, RUNNING, STATE_CODES, STOPPED, TERMINATED, Account, Instance, new_id

ON_DEMAND, SPOT = "on-demand", "spot"
NO_CAPACITY = "InsufficientInstanceCapacity"
TERMINATE_MAX = 1000
METADATA_DEFAULTS = {
    "HttpTokens": "required", "HttpPutResponseHopLimit": "1", "HttpEndpoint": "enabled",
    "InstanceMetadataTags": "disabled",
}


@dataclass
class Pool:
    """What a fleet may launch: one override of one template."""

    type: str
    zone: str
    subnet: str
    data: dict[str, Any]
    specification: dict[str, str] = field(default_factory=dict)
    override: dict[str, str] = field(default_factory=dict)
    # What is wrong with it, if it can never launch.
    error: AwsError | None = None

    @property
    def weight(self) -> int:
        return max(1, int(float(self.override.get("WeightedCapacity", "1"))))

    @property
    def priority(self) -> float:
        return float(self.override.get("Priority", "inf"))

    @property
    def price(self) -> float:
        return float(TYPES[self.type]["price"])


def create_fleet(
    account: Account, buckets: Buckets, tree: dict[str, Any], faults: list[Fault]
) -> dict[str, Any]:
    """An instant fleet: what there is room for is launched now, the rest is told as errors."""
    pools = check_launch(account, "CreateFleet", tree)
    limit = next((int(f.how.get("count", 0)) for f in faults if f.kind == "partial"), None)
    chosen: list[tuple[Pool, str, int]] = []
    errors = [(pool, usage, pool.error) for pool in pools if pool.error
              for usage in targets_of(tree)]
    for usage, units in targets_of(tree).items():
        options = tree.get("SpotOptions" if usage == SPOT else "OnDemandOptions", {})
        usable = [pool for pool in pools if pool.error is None]
        took, failed = allocate(account, usable, usage, units, options, limit)
        chosen += took
        errors += failed
        if limit is not None:
            limit -= sum(count for _, _, count in took)
    if not buckets.resources(
        "launch", sum(count for _, _, count in chosen), account.settings.throttle_scale
    ):
        raise throttled("ec2")
    fleet = new_id("fleet")
    answer: dict[str, Any] = {"fleetId": fleet, "errorSet": [], "fleetInstanceSet": []}
    for pool, usage, count in chosen:
        tags = {"aws:ec2:fleet-id": fleet} | tags_of(tree, "instance")
        made = launch(account, pool, usage, count, tags, tree.get("ClientToken", ""))
        answer["fleetInstanceSet"].append({
            "launchTemplateAndOverrides": _which(pool),
            "lifecycle": usage,
            "instanceIds": [instance.id for instance in made],
            "instanceType": pool.type,
            "availabilityZone": pool.zone,
            "subnetId": pool.subnet,
        })
    for pool, usage, error in errors:
        answer["errorSet"].append({
            "launchTemplateAndOverrides": _which(pool),
            "lifecycle": usage,
            "errorCode": error.code,
            "errorMessage": error.message,
        })
    return answer


def _which(pool: Pool) -> dict[str, Any]:
    override = {name[0].lower() + name[1:]: value for name, value in pool.override.items()
                if isinstance(value, str)}
    specification = {name[0].lower() + name[1:]: value for name, value in pool.specification.items()}
    return {"launchTemplateSpecification": specification, "overrides": override or None}


def targets_of(tree: dict[str, Any]) -> dict[str, int]:
    """How many units of which usage."""
    wish = tree.get("TargetCapacitySpecification", {})
    total = wire.number(wish, "TotalTargetCapacity")
    default = wish.get("DefaultTargetCapacityType", ON_DEMAND)
    spot = wire.number(wish, "SpotTargetCapacity", 0)
    on_demand = wire.number(wish, "OnDemandTargetCapacity", 0)
    if spot + on_demand > total or total < 0:
        raise AwsError(
            "InvalidTargetCapacitySpecification", "The target capacities are more than their total"
        )
    targets = {ON_DEMAND: on_demand, SPOT: spot}
    targets[default] += total - spot - on_demand
    return {usage: units for usage, units in targets.items() if units}


def check_launch(account: Account, action: str, tree: dict[str, Any]) -> list[Pool]:
    """What can be said without launching."""
    if action == "RunInstances":
        return [pool_of(account, tree.get("LaunchTemplate"), tree, tree)]
    if tree.get("Type") != "instant":
        raise AwsError("InvalidParameterValue", "This fake knows fleets of type instant only")
    targets_of(tree)
    pools = []
    for config in tree.get("LaunchTemplateConfigs", []):
        specification = config.get("LaunchTemplateSpecification")
        if specification is None:
            raise wire.missing("LaunchTemplateConfigs.LaunchTemplateSpecification")
        for override in config.get("Overrides") or [{}]:
            pools.append(pool_of(account, specification, override, {}))
    if not pools:
        raise wire.missing("LaunchTemplateConfigs")
    keys = [(pool.type, pool.subnet, pool.zone) for pool in pools if pool.error is None]
    if len(set(keys)) != len(keys):
        raise AwsError("InvalidFleetConfig", "Some of the overrides are the same.")
    return pools


def pool_of(
    account: Account, specification: dict[str, str] | None, override: dict[str, Any],
    extra: dict[str, Any],
) -> Pool:
    data: dict[str, Any] = {}
    told: dict[str, str] = {}
    if specification is not None:
        template, data = data_of(account, specification)
        told = {"LaunchTemplateId": template.id,
                "Version": specification.get("Version", "$Default")}
    data = data | extra
    kind = override.get("InstanceType", data.get("InstanceType", ""))
    if override is extra:
        override = {}
    try:
        if kind not in TYPES:
            raise AwsError("InvalidParameterValue", f"Invalid value '{kind}' for InstanceType.")
        zone, subnet = _place(account, override, data)
    except AwsError as error:
        if not told or not override:
            raise
        return Pool(kind, "", "", data, told, override, error)
    return Pool(kind, zone, subnet, data, told, override)


def _place(account: Account, override: dict[str, Any], data: dict[str, Any]) -> tuple[str, str]:
    interfaces = data.get("NetworkInterface", [{}])
    subnet = override.get("SubnetId", data.get("SubnetId", interfaces[0].get("SubnetId")))
    zone = override.get("AvailabilityZone")
    zone = zone or data.get("Placement", {}).get("AvailabilityZone")
    if subnet is None:
        subnet = next(
            (name for name, item in account.subnets.items() if zone in (None, item["zone"])), None
        )
        if subnet is None:
            raise AwsError("InvalidParameterValue", f"Invalid availability zone: [{zone}]")
    if subnet not in account.subnets:
        raise subnet_not_found(subnet)
    return str(account.subnets[subnet]["zone"]), str(subnet)


def room(account: Account, pool: Pool, usage: str) -> tuple[int | None, str]:
    """How many instances a pool has room for (None: no limit), and the error beyond that."""
    fitting = [entry for key, entry in account.capacity.items() if _covers(key, pool, usage)]
    return min(fitting, default=(None, NO_CAPACITY))


def _covers(key: tuple[str, str, str], pool: Pool, usage: str) -> bool:
    return all(
        mine in ("*", its) for mine, its in zip(key, (pool.type, pool.zone, usage), strict=True)
    )


def no_room(pool: Pool, code: str) -> AwsError:
    words = {
        NO_CAPACITY: f"We currently do not have sufficient {pool.type} capacity in the Availability "
        f"Zone you requested ({pool.zone}).",
        "MaxSpotInstanceCountExceeded": "Max spot instance count exceeded",
        "VcpuLimitExceeded": "You have requested more vCPU capacity than your current vCPU limit.",
        "UnfulfillableCapacity": "Unable to fulfill capacity due to your request configuration.",
    }
    return AwsError(code, words.get(code, code), 500 if code == NO_CAPACITY else 400)


Chosen = list[tuple[Pool, str, int]]
Failed = list[tuple[Pool, str, AwsError]]


def allocate(
    account: Account, pools: list[Pool], usage: str, units: int, options: dict[str, str],
    limit: int | None,
) -> tuple[Chosen, Failed]:
    """Fills the target from the pools in the order of the strategy, each as far as it goes.

    AWS's own strategies look at how deep the pools are, and spread; this takes the cheapest first.
    """
    by_priority = "prioritized" in options.get("AllocationStrategy", "")
    ordered = sorted(pools, key=lambda pool: (pool.priority if by_priority else 0, pool.price))
    groups: dict[tuple[str, str], list[Pool]] = {}
    for pool in ordered:
        one_type = wire.flag(options, "SingleInstanceType")
        one_zone = wire.flag(options, "SingleAvailabilityZone")
        key = pool.type if one_type else "", pool.zone if one_zone else ""
        groups.setdefault(key, []).append(pool)
    # The first group that gives all, or else the one that gives most.
    results = [_fill(account, group, usage, units, limit) for group in groups.values()]
    if not results:
        return [], []
    chosen, failed = max(results, key=lambda result: min(units, _units(result[0])))
    least = wire.number(options, "MinTargetCapacity", 0)
    if least and "true" not in (
        options.get("SingleInstanceType"), options.get("SingleAvailabilityZone")
    ):
        raise AwsError(
            "InvalidParameterCombination",
            "MinTargetCapacity needs SingleInstanceType or SingleAvailabilityZone",
        )
    if _units(chosen) < least:
        return [], failed or [(pool, usage, no_room(pool, NO_CAPACITY)) for pool in ordered]
    return chosen, failed


def _units(chosen: Chosen) -> int:
    return sum(pool.weight * count for pool, _, count in chosen)


def _fill(
    account: Account, pools: list[Pool], usage: str, units: int, limit: int | None
) -> tuple[Chosen, Failed]:
    chosen: Chosen = []
    failed: Failed = []
    # What earlier pools have taken of entries that cover this one, too.
    taken = dict.fromkeys(account.capacity, 0)
    for pool in pools:
        missing = -(-(units - _units(chosen)) // pool.weight)
        if missing <= 0:
            break
        fitting = [(left - taken[key], code) for key, (left, code) in account.capacity.items()
                   if _covers(key, pool, usage)]
        free, code = min(fitting, default=(missing, NO_CAPACITY))
        if limit is not None:
            free = min(free, limit - sum(count for _, _, count in chosen))
        count = max(0, min(missing, free))
        if count:
            chosen.append((pool, usage, count))
            for key in taken:
                taken[key] += count if _covers(key, pool, usage) else 0
        if count < missing:
            failed.append((pool, usage, no_room(pool, code)))
            if limit is not None and sum(n for _, _, n in chosen) >= limit:
                # Ordered to be partial: the others were not asked, and may have room.
                break
    return chosen, failed


def launch(
    account: Account, pool: Pool, usage: str, count: int, tags: dict[str, str], token: str
) -> list[Instance]:
    """Makes the instances, and takes them off what there is room for."""
    for key, (left, code) in list(account.capacity.items()):
        if _covers(key, pool, usage):
            account.capacity[key] = (max(0, left - count), code)
    data = pool.data
    if pool.specification:
        tags = tags | {"aws:ec2launchtemplate:id": pool.specification["LaunchTemplateId"]}
    profile = data.get("IamInstanceProfile", {})
    reservation, now = new_id("r"), account.ticks()
    made = []
    for _ in range(count):
        instance = Instance(
            id=new_id("i"), type=pool.type, zone=pool.zone, subnet=pool.subnet, lifecycle=usage,
            image=pool.override.get("ImageId", data.get("ImageId", "ami-00000000000000001")),
            address=account.free_address(pool.subnet), launched=account.now(),
            reservation=reservation,
            events=[(now, PENDING), (now + account.settings.boot_delay, RUNNING)],
            tags=tags_of(data, "instance") | tags, client_token=token,
            user_data=_user_data(data.get("UserData")),
            role=profile.get("Name") or profile.get("Arn", "").rpartition("/")[2] or None,
            on_shutdown=_on_shutdown(data, usage),
            metadata=METADATA_DEFAULTS | data.get("MetadataOptions", {}),
            spot_request=new_id("sir")[:12] if usage == SPOT else None,
        )
        account.instances[instance.id] = instance
        account.on_launch(instance)
        made.append(instance)
    return made


def _on_shutdown(data: dict[str, Any], usage: str) -> str:
    wish = data.get("InstanceInitiatedShutdownBehavior", "stop")
    return TERMINATED if wish == "terminate" or usage == SPOT else STOPPED


def _user_data(encoded: str | None) -> str | None:
    if encoded is None:
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8", "surrogateescape")
    except binascii.Error:
        raise AwsError("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from None


def run_instances(
    account: Account, buckets: Buckets, tree: dict[str, Any], faults: list[Fault]
) -> dict[str, Any]:
    pool = check_launch(account, "RunInstances", tree)[0]
    least, most = wire.number(tree, "MinCount"), wire.number(tree, "MaxCount")
    if not 1 <= least <= most:
        raise AwsError("InvalidParameterValue", f"MinCount {least} and MaxCount {most} do not fit")
    market = pool.data.get("InstanceMarketOptions", {}).get("MarketType", ON_DEMAND)
    free, code = room(account, pool, market)
    limit = next((int(f.how.get("count", 0)) for f in faults if f.kind == "partial"), most)
    count = min(most, limit, most if free is None else free)
    if count < least:
        raise no_room(pool, code)
    if not buckets.resources("launch", count, account.settings.throttle_scale):
        raise throttled("ec2")
    tags = tags_of(tree, "instance")
    made = launch(account, pool, market, count, tags, tree.get("ClientToken", ""))
    return {
        "reservationId": made[0].reservation,
        "ownerId": account.number,
        "groupSet": [],
        "instancesSet": [instance_document(account, item, PENDING) for item in made],
    }


def _known(account: Account, ids: list[str]) -> list[Instance]:
    """The instances, of which all must be there: one unknown id fails the whole call."""
    check_ids(ids)
    seen = {instance.id: instance for instance, _ in account.seen()}
    unknown = [name for name in ids if name not in seen]
    if unknown:
        raise not_found(unknown)
    return [seen[name] for name in ids]


def terminate_instances(
    account: Account, buckets: Buckets, tree: dict[str, Any], _faults: list[Fault]
) -> dict[str, Any]:
    ids = list(dict.fromkeys(wire.strings(tree, "InstanceId")))
    if not ids:
        raise wire.missing("InstanceId")
    if len(ids) > TERMINATE_MAX:
        raise AwsError("InvalidParameterValue", f"More than {TERMINATE_MAX} instances in one call")
    ending = _known(account, ids)
    if not buckets.resources("terminate", len(ending), account.settings.throttle_scale):
        raise throttled("ec2")
    answers = []
    for instance in ending:
        before = instance.state_at(account.ticks()) or PENDING
        account.end(instance, ("Client.UserInitiatedShutdown",
                               "Client.UserInitiatedShutdown: User initiated shutdown"))
        after = instance.state_at(account.ticks()) or PENDING
        answers.append({
            "instanceId": instance.id,
            "currentState": {"code": STATE_CODES[after], "name": after},
            "previousState": {"code": STATE_CODES[before], "name": before},
        })
    return {"instancesSet": answers}


def create_tags(
    account: Account, _buckets: Buckets, tree: dict[str, Any], _faults: list[Fault]
) -> dict[str, Any]:
    names = wire.strings(tree, "ResourceId")
    tags = read_tags(tree)
    if not names or not tags:
        raise wire.missing("ResourceId" if not names else "Tag")
    targets: list[dict[str, str]] = []
    for name in names:
        if name.startswith("i-"):
            targets.append(_known(account, [name])[0].tags)
        elif name in account.templates:
            targets.append(account.templates[name].tags)
        elif name in account.subnets:
            targets.append(account.subnets[name].setdefault("tags", {}))
        else:
            raise AwsError("InvalidID", f"The ID '{name}' is not valid")
    for target in targets:
        target |= tags
    return {}
