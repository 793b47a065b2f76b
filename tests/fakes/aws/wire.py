"""Forms in, XML out: the two notations of EC2 and STS."""

import datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from .errors import AwsError

# A form's tree: text, or a list of trees, or trees by name.
Tree = Any


def parse_form(body: bytes) -> dict[str, str]:
    """The fields of a form, each of which may stand there only once."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, errors="strict"
        )
    except ValueError:
        raise AwsError("MalformedQueryString", "The query string cannot be read") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise AwsError("MalformedQueryString", "The query string has a field twice")
    return fields


def nest(fields: dict[str, str]) -> dict[str, Tree]:
    """"Tag.1.Key=a" becomes {"Tag": [{"Key": "a"}]}; so does STS's "Tag.member.1.Key=a"."""
    root: dict[str, Tree] = {}
    for name, value in fields.items():
        parts = name.split(".")
        here = root
        for part in parts[:-1]:
            here = here.setdefault(part, {})
            if not isinstance(here, dict):
                raise AwsError("UnknownParameter", f"The parameter {name} is not recognized")
        if parts[-1] in here:
            raise AwsError("UnknownParameter", f"The parameter {name} is not recognized")
        here[parts[-1]] = value
    tree = _lists(root)
    return tree if isinstance(tree, dict) else {}


def _lists(tree: Tree) -> Tree:
    if not isinstance(tree, dict):
        return tree
    grown = {name: _lists(value) for name, value in tree.items()}
    if grown and all(name.isdigit() for name in grown):
        return [grown[name] for name in sorted(grown, key=int)]
    if list(grown) == ["member"] and isinstance(grown["member"], list):
        return grown["member"]
    return grown


def number(tree: dict[str, Tree], name: str, default: int | None = None) -> int:
    """A whole number of a form; without a default it is required."""
    text = tree.get(name)
    if text is None:
        if default is None:
            raise missing(name)
        return default
    try:
        return int(text)
    except (TypeError, ValueError):
        raise AwsError("InvalidParameterValue", f"Value ({text}) for {name} is invalid.") from None


def flag(tree: dict[str, Tree], name: str) -> bool:
    text = tree.get(name, "false")
    if text not in ("true", "false"):
        raise AwsError("InvalidParameterValue", f"Value ({text}) for {name} is invalid.")
    return bool(text == "true")


def required(tree: dict[str, Tree], name: str) -> str:
    value = tree.get(name)
    if not isinstance(value, str) or not value:
        raise missing(name)
    return value


def strings(tree: dict[str, Tree], name: str) -> list[str]:
    """A list of texts, such as InstanceId.1, InstanceId.2."""
    value = tree.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise AwsError("InvalidParameterValue", f"The parameter {name} is not a list")
    return value


def missing(name: str) -> AwsError:
    return AwsError(
        "MissingParameter", f"The request must contain the parameter {name}", 400
    )


def timestamp(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def element(name: str, value: Any) -> str:
    """One XML element. None gives none; a list gives one with an <item> for each."""
    if value is None:
        return ""
    if isinstance(value, dict):
        inner = "".join(element(key, item) for key, item in value.items())
    elif isinstance(value, list):
        inner = "".join(element("item", item) for item in value)
    elif isinstance(value, bool):
        inner = "true" if value else "false"
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>" if inner else f"<{name}/>"
