"""Parameters and answers against AWS's own description of them, which botocore carries.

Without botocore nothing is checked, and available() says so.
"""

import re
from typing import Any

from .errors import AwsError

try:
    import botocore.session
    import botocore.validate

    _session: Any = botocore.session.Session()
except ImportError:
    _session = None

_services: dict[str, Any] = {}
# Values that grow faster than an installed botocore does.
OPEN_ENUMS = {"InstanceType"}
# Members of answers that an older botocore does not know yet.
NEWER_MEMBERS = {
    "CreateFleet.fleetInstanceSet.availabilityZone",
    "CreateFleet.fleetInstanceSet.subnetId",
    "DescribeInstanceTypes.instanceTypeSet.ebsInfo.attachmentLimitType",
    "DescribeInstanceTypes.instanceTypeSet.ebsInfo.maximumEbsAttachments",
}
BOOLEANS = {"true": True, "false": False}


def available() -> bool:
    return _session is not None


def _operation(service: str, action: str) -> Any:
    if _session is None:
        return None
    if service not in _services:
        _services[service] = _session.get_service_model(service)
    model = _services[service]
    return model.operation_model(action) if action in model.operation_names else None


def check_form(service: str, action: str, tree: dict[str, Any]) -> None:
    """Raises what EC2 or STS would answer to a parameter that they do not know, or of a wrong type."""
    operation = _operation(service, action)
    if operation is not None and operation.input_shape is not None:
        _check_tree(operation.input_shape, tree, "", service == "ec2")


def _wire_name(name: str, shape: Any, ec2: bool) -> str:
    if ec2 and "queryName" in shape.serialization:
        return str(shape.serialization["queryName"])
    if "name" in shape.serialization:
        wire = str(shape.serialization["name"])
        return wire[0].upper() + wire[1:] if ec2 else wire
    return name


def _check_tree(shape: Any, tree: Any, path: str, ec2: bool) -> None:
    kind = shape.type_name
    if kind == "structure":
        _check_structure(shape, tree, path, ec2)
    elif kind == "list":
        if not isinstance(tree, list):
            raise AwsError("InvalidParameterValue", f"The parameter {path} is not a list")
        for number, item in enumerate(tree, 1):
            _check_tree(shape.member, item, f"{path}.{number}", ec2)
    elif not isinstance(tree, str):
        raise AwsError("UnknownParameter", f"The parameter {path} is not recognized")
    else:
        _check_scalar(shape, tree, path)


def _check_structure(shape: Any, tree: Any, path: str, ec2: bool) -> None:
    if not isinstance(tree, dict):
        raise AwsError("UnknownParameter", f"The parameter {path} is not recognized")
    members = {_wire_name(name, member, ec2): member for name, member in shape.members.items()}
    given = {_wire_name(name, shape.members[name], ec2) for name in shape.required_members}
    for name, value in tree.items():
        if name not in members:
            raise AwsError("UnknownParameter", f"The parameter {path + name} is not recognized")
        _check_tree(members[name], value, f"{path}{name}." if _is_structure(value) else path + name,
                    ec2)
    for name in sorted(given - set(tree)):
        raise AwsError("MissingParameter", f"The request must contain the parameter {path}{name}")


def _is_structure(value: Any) -> bool:
    return isinstance(value, dict)


def _check_scalar(shape: Any, text: str, path: str) -> None:
    bad = False
    if shape.type_name in ("integer", "long"):
        bad = not re.fullmatch(r"-?\d+", text)
    elif shape.type_name == "boolean":
        bad = text not in BOOLEANS
    elif shape.type_name == "string":
        values = getattr(shape, "enum", None)
        bad = bool(values) and shape.name not in OPEN_ENUMS and text not in values
        length = len(text)
        bad = bad or length < shape.metadata.get("min", 0)
        bad = bad or length > shape.metadata.get("max", length)
    if bad:
        raise AwsError("InvalidParameterValue", f"Value ({text}) for parameter {path} is invalid.")


def check_json(service: str, action: str, document: Any) -> None:
    """The same for JSON."""
    operation = _operation(service, action)
    if operation is None or operation.input_shape is None:
        return
    report = botocore.validate.ParamValidator().validate(document, operation.input_shape)
    if report.has_errors():
        raise AwsError("ValidationException", report.generate_report())


def check_answer(service: str, action: str, document: dict[str, Any]) -> None:
    """Whatever the fake says must be known to clients: anything else is an error of the fake."""
    operation = _operation(service, action)
    if operation is not None and operation.output_shape is not None:
        _check_output(operation.output_shape, document, action)


def _check_output(shape: Any, value: Any, path: str) -> None:
    if value is None:
        return
    if shape.type_name == "structure":
        assert isinstance(value, dict), f"{path} is to be a structure"
        members = {
            member.serialization.get("name", name): member for name, member in shape.members.items()
        }
        for name, item in value.items():
            if f"{path}.{name}" not in NEWER_MEMBERS:
                assert name in members, f"{path} has no member {name}"
                _check_output(members[name], item, f"{path}.{name}")
    elif shape.type_name == "list":
        assert isinstance(value, list), f"{path} is to be a list"
        for item in value:
            _check_output(shape.member, item, path)
    else:
        assert not isinstance(value, (dict, list)), f"{path} is to be a scalar"
