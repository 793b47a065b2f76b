"""Holds every request that our builders make against the services' own descriptions, as botocore
carries them: no member that the service does not know, none missing, the right types, and only words
that the service has. Writes TAP. $AWS_REQUESTS is the program that prints the requests."""

import json
import os
import subprocess
import sys
import urllib.parse

# What a botocore as old as Debian 12's has not heard of yet.
NEWER = {
    "DeletionProtectionEnabled",
    "MessageSystemAttributeNames",
    "ReturnValuesOnConditionCheckFailure",
}


class Wrong(Exception):
    """A request that its service would refuse."""


def wire_name(member, shape, ec2):
    """What a member is called in a form."""
    serialization = shape.serialization
    if ec2 and "queryName" in serialization:
        return serialization["queryName"]
    name = serialization.get("name", member)
    return name[0].upper() + name[1:] if ec2 else name


def step_into(shape, word, ec2):
    """The member of a structure, or the element of a list, that a piece of a name leads to."""
    if shape.type_name == "list":
        if not word.isdigit() or word == "0":
            raise Wrong(f"'{word}' is no place in a list")
        return int(word), shape.member
    if shape.type_name == "structure":
        for member, inner in shape.members.items():
            if wire_name(member, inner, ec2) == word:
                return member, inner
    raise Wrong(f"there is no member '{word}' of {shape.name}")


def leaf(shape, text):
    """A value out of a form, in its own type."""
    if shape.type_name in ("integer", "long"):
        return int(text)
    if shape.type_name == "boolean":
        return {"true": True, "false": False}[text]
    if shape.type_name in ("string", "blob"):
        return text
    raise Wrong(f"{shape.name} is no single value")


def nest(shape, members, ec2):
    """The members of a form, as the structure that they stand for."""
    tree = {}
    for name, text in members:
        here, at = shape, tree
        words = name.split(".")
        for i, word in enumerate(words):
            key, here = step_into(here, word, ec2)
            if i + 1 < len(words):
                at = at.setdefault(key, {})
            elif key in at:
                raise Wrong(f"{name} is there twice")
            else:
                at[key] = leaf(here, text)
    return with_lists(shape, tree)


def with_lists(shape, tree):
    """Numbered members become lists, which must have no holes."""
    if shape.type_name == "list":
        if sorted(tree) != list(range(1, len(tree) + 1)):
            raise Wrong(f"the places of a {shape.name} are {sorted(tree)}")
        return [with_lists(shape.member, tree[i]) for i in sorted(tree)]
    if shape.type_name == "structure":
        return {key: with_lists(shape.members[key], tree[key]) for key in tree}
    return tree


def check_words(shape, value, newer):
    """Unknown members, and words that are none of an enumeration's."""
    if shape.type_name == "structure":
        for key, inner in value.items():
            if key in shape.members:
                check_words(shape.members[key], inner, newer)
            elif key not in newer:
                raise Wrong(f"there is no member '{key}' of {shape.name}")
    elif shape.type_name == "list":
        for inner in value:
            check_words(shape.member, inner, newer)
    elif shape.type_name == "map":
        for inner in value.values():
            check_words(shape.value, inner, newer)
    elif getattr(shape, "enum", None) and value not in shape.enum:
        raise Wrong(f"'{value}' is no {shape.name}")


def check(model, operation, body, validator, newer):
    """Raises Wrong."""
    shape = model.operation_model(operation).input_shape
    if body.startswith("{"):
        value = json.loads(body)
    else:
        members = urllib.parse.parse_qsl(body, keep_blank_values=True, strict_parsing=True)
        head = dict(members[:2])
        if head != {"Action": operation, "Version": model.api_version}:
            raise Wrong(f"it begins with {head}")
        ec2 = model.metadata["protocol"] == "ec2"
        value = nest(shape, members[2:], ec2) if shape else {}
    if not shape:
        return
    check_words(shape, value, newer)
    report = validator.validate({k: v for k, v in value.items() if k in shape.members}, shape)
    if report.has_errors():
        raise Wrong(report.generate_report())


def main():
    try:
        import botocore
        import botocore.loaders
        import botocore.model
        import botocore.validate
    except ImportError:
        print("1..0 # SKIP there is no botocore (package python3-botocore)")
        return 0

    version = tuple(int(n) for n in botocore.__version__.split(".")[:2])
    newer = NEWER if version < (1, 35) else set()
    loader = botocore.loaders.Loader()
    validator = botocore.validate.ParamValidator()
    models = {}
    failed = 0
    lines = subprocess.run(
        [os.environ["AWS_REQUESTS"]], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    print(f"1..{len(lines)}")
    for number, line in enumerate(lines, 1):
        service, operation, body = line.split("\t")
        if service not in models:
            models[service] = botocore.model.ServiceModel(
                loader.load_service_model(service, "service-2"), service
            )
        try:
            check(models[service], operation, body, validator, newer)
            print(f"ok {number} {service} {operation}")
        except (Wrong, ValueError, KeyError, botocore.model.OperationNotFoundError) as error:
            failed += 1
            print(f"not ok {number} {service} {operation}")
            print(f"# {error!r}: {body}")
    return 1 if failed or not lines else 0


sys.exit(main())
