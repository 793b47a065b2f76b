"""STS: who one is, and becoming somebody else."""

import base64
import binascii
import json
import re
from typing import Any

from . import models, wire
from .errors import STS_NAMESPACE, Answer, AwsError
from .signature import Credential
from .state import Account

VERSION = "2011-06-15"
ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/(?:.*/)?([\w+=,.@-]+)")


def call(
    account: Account, caller: Credential | None, tree: dict[str, Any], request_id: str
) -> Answer:
    """Carries out one action; caller is None only for AssumeRoleWithWebIdentity."""
    action = str(tree.get("Action", ""))
    parameters = {key: value for key, value in tree.items() if key not in ("Action", "Version")}
    if tree.get("Version") != VERSION:
        raise AwsError("InvalidAction", f"Could not find operation {action} for this version")
    if action == "AssumeRoleWithWebIdentity":
        models.check_form("sts", action, parameters)
        result = _with_web_identity(account, parameters)
    elif caller is None:
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    elif action == "GetCallerIdentity":
        models.check_form("sts", action, parameters)
        result = {"Arn": caller.arn, "UserId": caller.user_id, "Account": account.number}
    elif action == "AssumeRole":
        models.check_form("sts", action, parameters)
        result = _assume(account, parameters)
    else:
        raise AwsError("InvalidAction", f"Could not find operation {action} for version {VERSION}")
    models.check_answer("sts", action, result)
    text = (
        f'<{action}Response xmlns="{STS_NAMESPACE}">{wire.element(action + "Result", result)}'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        f"</{action}Response>"
    )
    return Answer(200, text.encode(), "text/xml")


def _assume(account: Account, tree: dict[str, Any]) -> dict[str, Any]:
    arn, session = wire.required(tree, "RoleArn"), wire.required(tree, "RoleSessionName")
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", session):
        raise AwsError("ValidationError", f"Value '{session}' at 'roleSessionName' is not valid")
    found = ROLE.fullmatch(arn)
    if not found:
        raise AwsError("ValidationError", f"{arn} is invalid")
    seconds = wire.number(tree, "DurationSeconds", min(3600, _lifetime(account)))
    # Tests set lifetimes shorter than AWS would grant; asking for such is still wrong.
    if "DurationSeconds" in tree and not 900 <= seconds <= 43200:
        raise AwsError("ValidationError", f"Value '{seconds}' at 'durationSeconds' is not valid")
    made = account.role_credential(found[1], session, seconds)
    return {
        "Credentials": {
            "AccessKeyId": made.access_key,
            "SecretAccessKey": made.secret,
            "SessionToken": made.token,
            "Expiration": wire.timestamp(made.expires or 0),
        },
        "AssumedRoleUser": {"AssumedRoleId": made.user_id, "Arn": made.arn},
    }


def _lifetime(account: Account) -> int:
    return int(account.settings.credential_seconds)


def _with_web_identity(account: Account, tree: dict[str, Any]) -> dict[str, Any]:
    claims = _claims(wire.required(tree, "WebIdentityToken"))
    if float(claims.get("exp", 0)) <= account.now():
        raise AwsError("ExpiredTokenException", "Token expired: current date must be before exp")
    result = _assume(account, {key: tree[key] for key in tree if key != "WebIdentityToken"})
    result["SubjectFromWebIdentityToken"] = str(claims.get("sub", ""))
    result["Audience"] = str(claims.get("aud", ""))
    result["Provider"] = str(claims.get("iss", ""))
    return result


def _claims(token: str) -> dict[str, Any]:
    """The middle of a JSON web token. Its signature is not looked at."""
    parts = token.split(".")
    try:
        middle = parts[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, binascii.Error, ValueError):
        claims = None
    if len(parts) != 3 or not isinstance(claims, dict):
        raise AwsError("InvalidIdentityToken", "The ID Token provided is not a valid JWT.")
    return claims
