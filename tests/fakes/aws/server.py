"""The AWS endpoint: one port for all services, told apart by what a request is signed for."""

import time
import uuid
from dataclasses import dataclass
from typing import Any

from . import ec2, s3, ssm, sts, wire
from .errors import PROTOCOLS, Answer, AwsError, error_answer, refusal, throttled
from .faults import Buckets, Fault, Faults
from .recorder import Recorder
from .signature import Claim, Credential, Refused, Request, claim_of, verify
from .state import Account
from .web import Cut, Handler

FORM = "application/x-www-form-urlencoded"
MALFORMED = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>Tru"
# Actions that are asked for without a signature.
UNSIGNED = {"AssumeRoleWithWebIdentity"}

SECRET = {"WebIdentityToken"}


@dataclass
class Endpoint:
    """What answers the requests."""

    account: Account
    faults: Faults
    buckets: Buckets
    recorder: Recorder

    def respond(self, request: Request) -> Answer:
        request_id = str(uuid.uuid4())
        entry = self.recorder.add({
            "service": "ec2", "action": "", "method": request.method, "target": request.target,
            "user_agent": request.value("user-agent"), "bytes": len(request.body),
        })
        try:
            claim, service, action, tree = self._recognise(request, entry)
            answer = self._serve(request, claim, service, action, tree, entry, request_id)
        except Refused as refused:
            entry["refused"] = str(refused)
            error = refusal(entry["service"], refused.kind, refused.why)
            entry["code"] = error.code
            answer = error_answer(entry["service"], error, request_id, request.path)
        except AwsError as error:
            entry["code"] = error.code
            answer = error_answer(entry["service"], error, request_id, request.path)
        except Cut:
            entry["status"] = 0
            raise
        except Exception as trouble:
            # An error of the fake must fail the test, and say so.
            entry |= {"broken": repr(trouble), "status": 500}
            text = f"the fake is broken: {trouble!r}"
            error = AwsError("FakeIsBroken", text, 500)
            answer = error_answer(entry["service"], error, request_id)
        entry["status"] = answer.status
        return answer

    def _recognise(
        self, request: Request, entry: dict[str, Any]
    ) -> tuple[Claim | None, str, str, dict[str, Any]]:
        """Which service and action a request is for, and its form."""
        claim = claim_of(request)
        if claim is not None and claim.service not in PROTOCOLS:
            raise Refused("mismatch", f"there is no service {claim.service} here")
        service = claim.service if claim else "ec2"
        entry["service"] = service
        if service in ("ssm", "s3"):
            action = (ssm if service == "ssm" else s3).action_of(request)
            entry["action"] = action
            return claim, service, action, {}
        kind = (request.value("content-type") or "").split(";")[0]
        if request.method == "POST" and kind != FORM:
            raise AwsError("MissingAction", "The request is no form, or does not say that it is one")
        fields = request.body if request.method == "POST" else request.query.encode()
        tree = wire.nest(wire.parse_form(fields)) if fields else {}
        if claim is None and tree.get("Version") == sts.VERSION:
            service = "sts"
        action = str(tree.get("Action", ""))
        entry |= {"service": service, "action": action, "parameters": told(tree)}
        if claim is None and (service != "sts" or action not in UNSIGNED):
            raise Refused("missing", "the request carries no Authorization")
        return claim, service, action, tree

    def _serve(
        self, request: Request, claim: Claim | None, service: str, action: str,
        tree: dict[str, Any], entry: dict[str, Any], request_id: str,
    ) -> Answer:
        faults = {fault.kind: fault for fault in self.faults.take(service, action)}
        entry["faults"] = sorted(faults)
        caller: Credential | None = None
        if claim is not None:
            entry["access_key"] = claim.access_key
            with self.account.lock:
                lookup = self.account.credentials.get
                caller = verify(request, claim, lookup, self.account.region, self.account.now())
            entry["caller"] = caller.arn
        before(faults, service)
        answer = self._act(request, service, tree, caller, list(faults.values()), request_id)
        if "cut-after" in faults:
            raise Cut(bool(faults["cut-after"].how.get("reset")))
        if "malformed" in faults:
            body = str(faults["malformed"].how.get("body", MALFORMED))
            answer = Answer(answer.status, body.encode(), answer.content_type, answer.headers)
        return answer

    def _act(
        self, request: Request, service: str, tree: dict[str, Any], caller: Credential | None,
        faults: list[Fault], request_id: str,
    ) -> Answer:
        if service == "ec2":
            return ec2.call(self.account, self.buckets, tree, faults, request_id)
        if service == "sts":
            return sts.call(self.account, caller, tree, request_id)
        if service == "ssm":
            return ssm.call(self.account, request, request_id)
        return s3.call(self.account, request, request_id)


def told(tree: dict[str, Any]) -> dict[str, Any]:
    """A form as it may be written down."""
    return {name: "***" if name in SECRET else value for name, value in tree.items()}


def before(faults: dict[str, Fault], service: str) -> None:
    """The faults that come before anything is carried out."""
    if "delay" in faults:
        time.sleep(float(faults["delay"].how.get("seconds", 1)))
    if "cut-before" in faults:
        raise Cut(bool(faults["cut-before"].how.get("reset")))
    if "throttle" in faults:
        raise throttled(service)
    if "expired-token" in faults:
        raise Refused("expired-token", "so it was ordered")
    for kind in ("error", "status"):
        if kind in faults:
            how = faults[kind].how
            raise AwsError(
                str(how.get("code", "InternalError")),
                str(how.get("message", "An internal error has occurred")),
                int(how.get("status", 500 if kind == "status" else 400)),
            )


class ApiHandler(Handler):
    """HTTP for it."""

    def respond(self, request: Request) -> Answer:
        endpoint: Endpoint = self.server.context  # type: ignore[attr-defined]
        return endpoint.respond(request)

    def clock(self) -> float:
        endpoint: Endpoint = self.server.context  # type: ignore[attr-defined]
        return endpoint.account.now()

    def version_string(self) -> str:
        return "AmazonEC2"
