"""What the fake account consists of. Everything in here is guarded by Account.lock."""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from .signature import Credential

PENDING, RUNNING, SHUTTING_DOWN = "pending", "running", "shutting-down"
TERMINATED, STOPPED = "terminated", "stopped"
STATE_CODES = {PENDING: 0, RUNNING: 16, SHUTTING_DOWN: 32, TERMINATED: 48, "stopping": 64, STOPPED: 80}


@dataclass
class Settings:
    """What tests turn over POST /_control/settings; times in seconds."""

    # From pending to running, and from shutting-down to terminated.
    boot_delay: float = 0.0
    shutdown_delay: float = 0.0
    # How far the Describe calls are behind; until then a new instance is NotFound.
    consistency_lag: float = 0.0
    # For how long a terminated instance is still described.
    linger: float = 3600.0
    # The token buckets: 1 as on AWS, 10 ten times as large and fast, 0 none.
    throttle_scale: float = 1.0
    # Added to the server's clock: what it compares signatures with, and its Date header.
    clock_offset: float = 0.0
    # How long the keys of an instance, and of an assumed role unless asked otherwise, last.
    credential_seconds: float = 21600.0

    def set(self, values: dict[str, Any]) -> None:
        known = {item.name for item in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"there is no setting {name}")
            setattr(self, name, float(value))

    def reset(self) -> None:
        for item in fields(self):
            setattr(self, item.name, item.default)


@dataclass
class Instance:
    """One virtual machine."""

    id: str
    type: str
    zone: str
    subnet: str
    lifecycle: str
    image: str
    address: str
    launched: float
    reservation: str
    # (monotonic time, state), in order; those in the future are planned.
    events: list[tuple[float, str]]
    tags: dict[str, str] = field(default_factory=dict)
    client_token: str = ""
    user_data: str | None = None
    role: str | None = None
    on_shutdown: str = STOPPED
    metadata: dict[str, str] = field(default_factory=dict)
    reason: tuple[str, str] | None = None
    spot_request: str | None = None
    # A spot notice {"action", "time"}, and the time of a rebalance recommendation.
    notice: dict[str, str] | None = None
    rebalance: str | None = None

    def state_at(self, when: float) -> str | None:
        """None if it is not there yet."""
        past = [state for moment, state in self.events if moment <= when]
        return past[-1] if past else None

    def plan(self, when: float, *steps: tuple[float, str]) -> None:
        """From `when` on these states, each after so many seconds, and no others."""
        self.events = [event for event in self.events if event[0] <= when]
        self.events += [(when + delay, state) for delay, state in steps]


@dataclass
class Template:
    """A launch template; version n is versions[n]."""

    id: str
    name: str
    created: float
    default: int = 1
    versions: dict[int, dict[str, Any]] = field(default_factory=dict)
    notes: dict[int, str | None] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Parameter:
    """One of SSM's parameters."""

    value: str
    kind: str
    version: int
    modified: float


class Account:
    """One account in one region."""

    def __init__(self, region: str, settings: Settings) -> None:
        self.region = region
        self.number = "123456789012"
        self.settings = settings
        self.lock = threading.RLock()
        # Notified whenever an instance's plan changes.
        self.changed = threading.Condition(self.lock)
        # Called with each new instance.
        self.on_launch: Callable[[Instance], None] = lambda instance: None
        self.clear()

    def clear(self) -> None:
        """What there is in an account that nobody has used yet."""
        self.instances: dict[str, Instance] = {}
        self.templates: dict[str, Template] = {}
        self.parameters: dict[str, Parameter] = {}
        self.buckets: dict[str, dict[str, bytes]] = {"paddock": {}}
        self.credentials: dict[str, Credential] = {}
        self.subnets: dict[str, dict[str, Any]] = {
            f"subnet-0000000000000000{letter}": {
                "zone": self.region + letter,
                "cidr": f"10.0.{number}.0/24",
                "prefix": f"10.0.{number}.",
                "vpc": "vpc-00000000000000001",
            }
            for number, letter in enumerate("abc", 1)
        }
        # (type, zone, usage) -> (how many are left, the error after them); "*" stands for all.
        self.capacity: dict[tuple[str, str, str], tuple[int, str]] = {}
        # (action, client token) -> (the parameters, the answer).
        self.answered: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {}
        self.add_credential(Credential(
            "AKIAFAKEFAKEFAKEFAKE", "fake/secret/fake/secret/fake/secret/fake",
            f"arn:aws:iam::{self.number}:user/tester", "AIDAFAKEFAKEFAKEFAKE",
        ))

    def now(self) -> float:
        """The account's wall clock."""
        return time.time() + self.settings.clock_offset

    @staticmethod
    def ticks() -> float:
        return time.monotonic()

    def add_credential(self, credential: Credential) -> None:
        with self.lock:
            self.credentials[credential.access_key] = credential

    def role_credential(self, role: str, session: str, seconds: float) -> Credential:
        """New temporary keys of a role."""
        credential = Credential(
            "ASIA" + secrets.token_hex(8).upper(),
            secrets.token_urlsafe(30),
            f"arn:aws:sts::{self.number}:assumed-role/{role}/{session}",
            f"AROAFAKEFAKEFAKEFAKE:{session}",
            "fake-token-" + secrets.token_urlsafe(64),
            self.now() + seconds,
        )
        self.add_credential(credential)
        return credential

    def free_address(self, subnet: str) -> str:
        used = {i.address for i in self.instances.values() if self.is_there(i)}
        prefix = self.subnets[subnet]["prefix"]
        for number in range(4, 255):
            if f"{prefix}{number}" not in used:
                return f"{prefix}{number}"
        # More than the subnet has room for; tests of thousands do not mind.
        return f"{prefix}254"

    def is_there(self, instance: Instance) -> bool:
        return instance.state_at(self.ticks()) != TERMINATED

    def seen(self) -> list[tuple[Instance, str]]:
        """What the Describe calls see: instances and their states, in the order of launching."""
        lag, linger = self.settings.consistency_lag, self.settings.linger
        when = self.ticks() - lag
        found = []
        for instance in self.instances.values():
            state = instance.state_at(when)
            gone = state == TERMINATED and instance.events[-1][0] < when - linger
            if state is not None and not gone:
                found.append((instance, state))
        return found

    def end(self, instance: Instance, reason: tuple[str, str], final: str = TERMINATED) -> None:
        """Plans the end of an instance; one that is ending already ends as it was going to."""
        now = self.ticks()
        if instance.state_at(now) in (SHUTTING_DOWN, TERMINATED):
            return
        instance.reason = reason
        first = SHUTTING_DOWN if final == TERMINATED else "stopping"
        instance.plan(now, (0.0, first), (self.settings.shutdown_delay, final))
        self.changed.notify_all()


def new_id(prefix: str) -> str:
    return f"{prefix}-{secrets.token_hex(9)[:17]}"
