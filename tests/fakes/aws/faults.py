"""What goes wrong on purpose: faults that tests order, and the token buckets of AWS."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

# kind -> the members that it takes besides service, action, instance and times.
KINDS = {
    "error": {"code", "message", "status"},
    "throttle": set(),
    "delay": {"seconds"},
    "cut-before": {"reset"},
    "cut-after": {"reset"},
    "malformed": {"body"},
    "expired-token": set(),
    "status": {"status", "body"},
    "partial": {"count"},
}
COMMON = {"kind", "service", "action", "instance", "times"}


@dataclass
class Fault:
    """One order. "*" as service or action fits all; times counts down, -1 never ends."""

    kind: str
    service: str = "*"
    action: str = "*"
    instance: str = "*"
    times: int = 1
    how: dict[str, Any] = field(default_factory=dict)

    def fits(self, service: str, action: str, instance: str) -> bool:
        pairs = ((self.service, service), (self.action, action), (self.instance, instance))
        return self.times != 0 and all(mine in ("*", its) for mine, its in pairs)


class Faults:
    """The orders that are still open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[Fault] = []

    def order(self, wish: dict[str, Any]) -> None:
        kind = wish.get("kind", "")
        if kind not in KINDS:
            raise ValueError(f"there is no fault {kind!r}; there are: {', '.join(sorted(KINDS))}")
        extra = set(wish) - COMMON - KINDS[kind]
        if extra:
            raise ValueError(f"{kind} does not take {', '.join(sorted(extra))}")
        how = {name: value for name, value in wish.items() if name not in COMMON}
        common = {name: wish[name] for name in COMMON & set(wish)}
        with self._lock:
            self._open.append(Fault(how=how, **common))

    def take(self, service: str, action: str, instance: str = "*") -> list[Fault]:
        """The first open fault of each kind that fits; it has happened once more now."""
        taken: dict[str, Fault] = {}
        with self._lock:
            for fault in self._open:
                if fault.kind not in taken and fault.fits(service, action, instance):
                    taken[fault.kind] = fault
                    fault.times -= 1 if fault.times > 0 else 0
            self._open = [fault for fault in self._open if fault.times != 0]
        return list(taken.values())

    def clear(self) -> None:
        with self._lock:
            self._open = []

    def open(self) -> list[dict[str, Any]]:
        with self._lock:
            return [{**vars(fault)} for fault in self._open]


# (burst, refill a second) of EC2's API, by action; the rest by what kind of call it is.
BUCKETS = {
    "RunInstances": (5, 2), "StartInstances": (5, 2), "TerminateInstances": (100, 5),
    "CreateTags": (100, 10), "DeleteTags": (100, 10), "CreateLaunchTemplateVersion": (100, 5),
    "RequestSpotInstances": (50, 5), "DescribeInstanceTopology": (1, 1),
}
READING, UNFILTERED, MUTATING = (100, 20), (50, 10), (50, 5)
DEAR_UNFILTERED = {
    "DescribeInstances", "DescribeInstanceStatus", "DescribeVolumes", "DescribeNetworkInterfaces",
    "DescribeSecurityGroups", "DescribeSnapshots", "DescribeSpotInstanceRequests",
}
# The second bucket, of which each instance takes one token.
RESOURCES = {"launch": (1000, 2), "terminate": (1000, 20)}


class Buckets:
    """EC2's token buckets of one account and region."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._levels: dict[str, tuple[float, float]] = {}

    def clear(self) -> None:
        with self._lock:
            self._levels = {}

    def call(self, action: str, filtered: bool, scale: float) -> bool:
        """Whether there is a token for one more call.

        Actions of one kind share a bucket, the stricter way to read the documentation.
        """
        if action.startswith(("Describe", "Get", "List")) and action not in BUCKETS:
            dear = action in DEAR_UNFILTERED and not filtered
            name, size = (f"{action} unfiltered", UNFILTERED) if dear else ("reading", READING)
        elif action in BUCKETS:
            name, size = action, BUCKETS[action]
        else:
            name, size = "mutating", MUTATING
        return self._take(name, size, 1, scale)

    def resources(self, kind: str, count: int, scale: float) -> bool:
        return self._take(f"resources {kind}", RESOURCES[kind], count, scale)

    def _take(self, name: str, size: tuple[int, int], count: int, scale: float) -> bool:
        if scale <= 0:
            return True
        burst, refill = size[0] * scale, size[1] * scale
        now = time.monotonic()
        with self._lock:
            level, then = self._levels.get(name, (burst, now))
            level = min(burst, level + (now - then) * refill)
            enough = level >= count
            self._levels[name] = (level - count if enough else level, now)
        return enough
