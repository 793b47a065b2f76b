"""The port over which a test tells the fake what to do, and asks what it was asked.

GET    /_control/requests?MEMBER=VALUE   recorded requests
GET    /_control/counts                  how many of each
DELETE /_control/requests                forgets them
GET    /_control/faults                  what is still to go wrong
POST   /_control/faults                  {"kind": ..., "service", "action", "instance", "times", ...}
DELETE /_control/faults                  nothing is to go wrong any more
POST   /_control/settings                members of state.Settings
POST   /_control/capacity                {"type", "zone", "usage", "available", "code"}
DELETE /_control/capacity                room for all
POST   /_control/expire                  {"access_key"}: that token, or all, is expired now
GET    /_control/instances               all, as they are now, whatever the lag
GET    /_control/templates               launch templates with all their versions
DELETE /_control/templates               as if somebody had deleted them
GET    /_control/parameters              what stands in SSM, and of which kind
POST   /_control/spot-notice             {"instance", "action", "seconds"}
POST   /_control/rebalance               {"instance"}
POST   /_control/end                     {"instance"}: it ends as if AWS had ended it
POST   /_control/reset                   as after the start; running instances are ended
GET    /_control/imds?instance=ID        where that instance's metadata are to be had from outside
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from . import models, wire
from .ec2_launch import NO_CAPACITY
from .errors import Answer
from .faults import Buckets, Faults
from .machine import Machines
from .recorder import Recorder
from .signature import Request
from .state import SHUTTING_DOWN, TERMINATED, Account, Instance
from .web import Handler

PREFIX = "/_control/"
SPOT_SECONDS = 120.0
SPOT_REASON = (
    "Server.SpotInstanceTermination",
    "Server.SpotInstanceTermination: Spot instance termination",
)


@dataclass
class Control:
    """What answers there."""

    account: Account
    faults: Faults
    buckets: Buckets
    recorder: Recorder
    machines: Machines

    def respond(self, request: Request) -> Answer:
        path = request.path.removeprefix(PREFIX)
        verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "GET requests": self.recorder.find,
            "GET counts": lambda _: self.recorder.counts(),
            "DELETE requests": lambda _: self.recorder.clear(),
            "GET faults": lambda _: self.faults.open(),
            "POST faults": self.faults.order,
            "DELETE faults": lambda _: self.faults.clear(),
            "POST settings": self.set,
            "POST capacity": self.set_capacity,
            "DELETE capacity": lambda _: self.account.capacity.clear(),
            "POST expire": self.expire,
            "GET instances": self.instances,
            "GET templates": self.templates,
            "DELETE templates": lambda _: self.account.templates.clear(),
            "GET parameters": self.parameters,
            "POST spot-notice": self.spot_notice,
            "POST rebalance": self.rebalance,
            "POST end": self.end,
            "POST reset": self.reset,
            "GET imds": lambda wish: {"url": self.machines.metadata_url(wish["instance"])},
            "GET about": lambda _: {"models": models.available()},
        }
        verb = verbs.get(f"{request.method} {path}")
        if verb is None:
            return answer(404, {"error": f"there is no {request.method} {request.path}"})
        try:
            wish = dict(parse_qsl(request.query))
            wish |= json.loads(request.body) if request.body else {}
            result = verb(wish)
        except (KeyError, TypeError, ValueError) as error:
            return answer(400, {"error": f"{type(error).__name__}: {error}"})
        return answer(200, {} if result is None else result)

    def set(self, wish: dict[str, Any]) -> None:
        with self.account.lock:
            self.account.settings.set(wish)
            self.buckets.clear()

    def set_capacity(self, wish: dict[str, Any]) -> None:
        key = wish.get("type", "*"), wish.get("zone", "*"), wish.get("usage", "*")
        with self.account.lock:
            self.account.capacity[key] = int(wish["available"]), wish.get("code", NO_CAPACITY)

    def expire(self, wish: dict[str, Any]) -> None:
        with self.account.lock:
            for key, credential in self.account.credentials.items():
                if credential.token is not None and wish.get("access_key", key) == key:
                    credential.expires = self.account.now()

    def instances(self, _wish: dict[str, Any]) -> list[dict[str, Any]]:
        with self.account.lock:
            now = self.account.ticks()
            return [
                {
                    "id": item.id, "type": item.type, "zone": item.zone, "tags": item.tags,
                    "lifecycle": item.lifecycle, "state": item.state_at(now),
                    "console": str(self.machines.directory / item.id / "console.log"),
                }
                for item in self.account.instances.values()
            ]

    def templates(self, _wish: dict[str, Any]) -> list[dict[str, Any]]:
        with self.account.lock:
            return [
                {
                    "id": item.id, "name": item.name, "default": item.default, "tags": item.tags,
                    "versions": item.versions, "descriptions": item.notes,
                }
                for item in self.account.templates.values()
            ]

    def parameters(self, _wish: dict[str, Any]) -> dict[str, dict[str, str]]:
        with self.account.lock:
            return {
                name: {"value": item.value, "kind": item.kind}
                for name, item in self.account.parameters.items()
            }

    def _instance(self, wish: dict[str, Any]) -> Instance:
        return self.account.instances[wish["instance"]]

    def spot_notice(self, wish: dict[str, Any]) -> None:
        """The notice is to be seen at once; the end comes when it says."""
        seconds = float(wish.get("seconds", SPOT_SECONDS))
        with self.account.lock:
            account, instance = self.account, self._instance(wish)
            when = wire.timestamp(account.now() + seconds).replace(".000Z", "Z")
            instance.notice = {"action": wish.get("action", "terminate"), "time": when}
            instance.reason = SPOT_REASON
            delay = account.settings.shutdown_delay
            instance.plan(account.ticks() + seconds, (0.0, SHUTTING_DOWN), (delay, TERMINATED))
            account.changed.notify_all()

    def rebalance(self, wish: dict[str, Any]) -> None:
        with self.account.lock:
            when = wire.timestamp(self.account.now()).replace(".000Z", "Z")
            self._instance(wish).rebalance = when

    def end(self, wish: dict[str, Any]) -> None:
        with self.account.lock:
            self.account.end(self._instance(wish), SPOT_REASON)

    def reset(self, _wish: dict[str, Any]) -> None:
        self.faults.clear()
        with self.account.lock:
            self.account.settings.reset()
            for instance in self.account.instances.values():
                self.account.end(instance, SPOT_REASON)
            self.account.clear()
        self.buckets.clear()
        self.recorder.clear()


def answer(status: int, document: Any) -> Answer:
    return Answer(status, json.dumps(document).encode() + b"\n", "application/json")


class ControlHandler(Handler):
    """HTTP for it."""

    def respond(self, request: Request) -> Answer:
        control: Control = self.server.context  # type: ignore[attr-defined]
        return control.respond(request)
