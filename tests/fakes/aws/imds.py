"""The instance metadata service, version 2, of one instance."""

import json
import secrets
import socket
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from . import wire
from .ec2_describe import TYPES
from .errors import Answer
from .faults import Fault, Faults
from .recorder import Recorder
from .signature import Credential, Request
from .state import Account, Instance
from .web import Cut, Handler, Server

TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds"
TOKEN_HEADER = "x-aws-ec2-metadata-token"
TTL_MAX = 21600
TEXT = "text/plain"
# Keys are replaced by new ones when less than this is left of them, in seconds.
RENEW = 300.0
PAGE = (
    '<?xml version="1.0" encoding="iso-8859-1"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 '
    'Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
    '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">\n <head>\n'
    "  <title>{0} - {1}</title>\n </head>\n <body>\n  <h1>{0} - {1}</h1>\n </body>\n</html>\n"
)
TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 500: "Internal Server Error", 503: "Service Unavailable",
}


def failure(status: int) -> Answer:
    page = PAGE.format(status, TITLES.get(status, "Error"))
    return Answer(status, page.encode(), "text/html")


@dataclass
class Metadata:
    """The service of one instance."""

    account: Account
    instance: Instance
    faults: Faults
    recorder: Recorder
    # Token -> until when, by the monotonic clock.
    tokens: dict[str, float] = field(default_factory=dict)
    keys: Credential | None = None
    renewed: float = 0.0

    def listen(self, host: str, port: int) -> Server:
        return Server((host, port), ImdsHandler, self)

    def respond(self, request: Request, connection: socket.socket) -> Answer:
        entry = self.recorder.add({
            "service": "imds", "action": request.path, "method": request.method,
            "instance": self.instance.id, "user_agent": request.value("user-agent"),
        })
        faults = {
            fault.kind: fault
            for fault in self.faults.take("imds", request.path, self.instance.id)
        }
        entry["faults"] = sorted(faults)
        answer = self._answer(request, connection, faults)
        entry["status"] = answer.status
        return answer

    def _answer(
        self, request: Request, connection: socket.socket, faults: dict[str, Fault]
    ) -> Answer:
        if "delay" in faults:
            time.sleep(float(faults["delay"].how.get("seconds", 1)))
        for kind in ("cut-before", "cut-after"):
            if kind in faults:
                raise Cut(bool(faults[kind].how.get("reset")))
        if "status" in faults:
            return failure(int(faults["status"].how.get("status", 503)))
        if "expired-token" in faults:
            return failure(401)
        with self.account.lock:
            answer = self._honest(request, connection)
        if "malformed" in faults:
            body = faults["malformed"].how.get("body")
            return Answer(200, (body or "{").encode(), TEXT)
        return answer

    def _honest(self, request: Request, connection: socket.socket) -> Answer:
        options = self.instance.metadata
        if options["HttpEndpoint"] != "enabled":
            return failure(403)
        if request.path.rstrip("/") == "/latest/api/token":
            return self._token(request, connection)
        if request.method != "GET":
            return failure(405)
        token = request.value(TOKEN_HEADER)
        if token is None and options["HttpTokens"] == "required":
            return failure(401)
        if token is not None and self.tokens.get(token, 0.0) <= time.monotonic():
            return failure(401)
        found = self.look_up(unquote(request.path))
        return failure(404) if found is None else Answer(200, found.encode(), TEXT)

    def _token(self, request: Request, connection: socket.socket) -> Answer:
        if request.method != "PUT":
            return failure(405)
        # Whoever comes through a proxy is refused.
        if request.value("x-forwarded-for") is not None:
            return failure(403)
        text = request.value(TTL_HEADER) or ""
        if not text.isdigit() or not 1 <= int(text) <= TTL_MAX:
            return failure(400)
        # The answer travels only so many hops: it dies on its way into a container beyond them.
        hops = int(self.instance.metadata["HttpPutResponseHopLimit"])
        connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
        token = secrets.token_urlsafe(40)
        self.tokens[token] = time.monotonic() + int(text)
        return Answer(200, token.encode(), TEXT, ((TTL_HEADER, text),))

    def look_up(self, path: str) -> str | None:
        """A value, or a directory as a list of names; None if there is neither."""
        here: Any = self.tree()
        for part in filter(None, path.split("/")):
            if not isinstance(here, dict) or part not in here:
                return None
            here = here[part]
        if callable(here):
            return str(here())
        if isinstance(here, dict):
            # The role's name has no slash, as it is both a file and the only one.
            return "\n".join(f"{name}/" if isinstance(item, dict) else name
                             for name, item in here.items())
        return str(here)

    def tree(self) -> dict[str, Any]:
        instance, account = self.instance, self.account
        data: dict[str, Any] = {
            "ami-id": instance.image,
            "hostname": f"ip-{instance.address.replace('.', '-')}.{account.region}.compute.internal",
            "instance-id": instance.id,
            "instance-life-cycle": instance.lifecycle,
            "instance-type": instance.type,
            "local-ipv4": instance.address,
            "placement": {"availability-zone": instance.zone, "region": account.region},
            "reservation-id": instance.reservation,
            "services": {"domain": "amazonaws.com", "partition": "aws"},
        }
        if instance.metadata["InstanceMetadataTags"] == "enabled":
            data["tags"] = {"instance": dict(instance.tags)}
        if instance.role:
            data["iam"] = {"security-credentials": {instance.role: self.credentials}}
        if instance.notice is not None:
            data["spot"] = {"instance-action": json.dumps(instance.notice)}
        if instance.rebalance is not None:
            notice = json.dumps({"noticeTime": instance.rebalance})
            data["events"] = {"recommendations": {"rebalance": notice}}
        latest: dict[str, Any] = {
            "dynamic": {"instance-identity": {"document": self.identity}},
            "meta-data": data,
        }
        if instance.user_data is not None:
            latest["user-data"] = instance.user_data
        return {"latest": latest}

    def credentials(self) -> str:
        now, role = self.account.now(), self.instance.role or ""
        seconds = self.account.settings.credential_seconds
        if self.keys is None or (self.keys.expires or 0) - now < min(RENEW, seconds / 2):
            self.keys = self.account.role_credential(role, self.instance.id, seconds)
            self.renewed = now
        return json.dumps({
            "Code": "Success",
            "LastUpdated": wire.timestamp(self.renewed),
            "Type": "AWS-HMAC",
            "AccessKeyId": self.keys.access_key,
            "SecretAccessKey": self.keys.secret,
            "Token": self.keys.token,
            "Expiration": wire.timestamp(self.keys.expires or 0),
        })

    def identity(self) -> str:
        instance, account = self.instance, self.account
        return json.dumps({
            "accountId": account.number,
            "architecture": TYPES[instance.type]["arch"],
            "availabilityZone": instance.zone,
            "imageId": instance.image,
            "instanceId": instance.id,
            "instanceType": instance.type,
            "pendingTime": wire.timestamp(instance.launched),
            "privateIp": instance.address,
            "region": account.region,
            "version": "2017-09-30",
        })


class ImdsHandler(Handler):
    """HTTP for it."""

    def respond(self, request: Request) -> Answer:
        metadata: Metadata = self.server.context  # type: ignore[attr-defined]
        return metadata.respond(request, self.connection)

    def clock(self) -> float:
        metadata: Metadata = self.server.context  # type: ignore[attr-defined]
        return metadata.account.now()

    def version_string(self) -> str:
        return "EC2ws"
