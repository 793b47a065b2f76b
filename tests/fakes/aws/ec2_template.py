"""EC2's launch templates."""

from collections.abc import Iterable
from typing import Any

from . import wire
from .ec2_describe import apply_filters, page, tag_set, tag_values
from .errors import AwsError
from .faults import Buckets, Fault
from .state import Account, Template, new_id

VERSIONS_MAX = 10000


def find(account: Account, tree: dict[str, Any]) -> Template:
    """By LaunchTemplateId or LaunchTemplateName, one of which has to be given."""
    name, given = tree.get("LaunchTemplateName"), tree.get("LaunchTemplateId")
    if (name is None) == (given is None):
        raise AwsError(
            "MissingParameter" if name is None else "InvalidParameterCombination",
            "Either the launch template's ID or its name must be specified, and not both",
        )
    for template in account.templates.values():
        if given in (template.id,) or name in (template.name,):
            return template
    if given is not None:
        raise AwsError(
            "InvalidLaunchTemplateId.NotFound",
            f"The specified launch template, with template ID {given}, does not exist.",
        )
    raise AwsError(
        "InvalidLaunchTemplateName.NotFoundException",
        f"The specified launch template, with template name {name}, does not exist.",
    )


def version_number(template: Template, text: str) -> int:
    """$Latest, $Default or a number."""
    number = {"$Latest": max(template.versions), "$Default": template.default}.get(text)
    if number is None and text.isdigit():
        number = int(text)
    if number not in template.versions:
        raise AwsError(
            "InvalidLaunchTemplateId.VersionNotFound",
            f"Could not find launch template version {text} of {template.id}.",
        )
    return number


def data_of(account: Account, specification: dict[str, Any]) -> tuple[Template, dict[str, Any]]:
    """The data of the version that a launch names."""
    template = find(account, specification)
    version = specification.get("Version", "$Default")
    return template, template.versions[version_number(template, version)]


def tags_of(tree: dict[str, Any], kind: str) -> dict[str, str]:
    """The tags that TagSpecification holds for one kind of resource."""
    tags: dict[str, str] = {}
    for specification in tree.get("TagSpecification", []):
        if specification.get("ResourceType") == kind:
            tags |= read_tags(specification)
    return tags


def read_tags(tree: dict[str, Any]) -> dict[str, str]:
    """A list Tag.n.Key, Tag.n.Value, within the limits that tags have."""
    tags: dict[str, str] = {}
    for tag in tree.get("Tag", []):
        key, value = wire.required(tag, "Key"), tag.get("Value", "")
        if key in tags:
            raise AwsError("InvalidParameterValue", f"Duplicate tag key '{key}' specified.")
        if key.lower().startswith("aws:"):
            raise AwsError("InvalidParameterValue", f"Tag keys starting with 'aws:' are reserved")
        if len(key) > 127 or len(value) > 255:
            raise AwsError("InvalidParameterValue", f"Tag '{key}' is too long")
        tags[key] = value
    if len(tags) > 50:
        raise AwsError("TagLimitExceeded", "More than 50 tags specified")
    return tags


def create(
    account: Account, _buckets: Buckets, tree: dict[str, Any], _faults: list[Fault]
) -> dict[str, Any]:
    name = wire.required(tree, "LaunchTemplateName")
    if any(template.name == name for template in account.templates.values()):
        raise AwsError(
            "InvalidLaunchTemplateName.AlreadyExistsException",
            "Launch template name already in use.",
        )
    template = Template(new_id("lt"), name, account.now(), tags=tags_of(tree, "launch-template"))
    template.versions[1] = _data(tree)
    template.notes[1] = tree.get("VersionDescription")
    account.templates[template.id] = template
    return {"launchTemplate": _document(account, template)}


def _data(tree: dict[str, Any]) -> dict[str, Any]:
    data = tree.get("LaunchTemplateData")
    if not isinstance(data, dict):
        raise wire.missing("LaunchTemplateData")
    return data


def create_version(
    account: Account, _buckets: Buckets, tree: dict[str, Any], _faults: list[Fault]
) -> dict[str, Any]:
    template = find(account, tree)
    if len(template.versions) >= VERSIONS_MAX:
        raise AwsError("VersionLimitExceeded", "The launch template has too many versions")
    base: dict[str, Any] = {}
    if "SourceVersion" in tree:
        base = template.versions[version_number(template, tree["SourceVersion"])]
    number = max(template.versions) + 1
    template.versions[number] = base | _data(tree)
    template.notes[number] = tree.get("VersionDescription")
    return {"launchTemplateVersion": _version_document(account, template, number)}


def modify(
    account: Account, _buckets: Buckets, tree: dict[str, Any], _faults: list[Fault]
) -> dict[str, Any]:
    template = find(account, tree)
    # The one member whose name on the wire is not that of the documentation.
    version = tree.get("SetDefaultVersion", tree.get("DefaultVersion"))
    if version is None:
        raise wire.missing("SetDefaultVersion")
    template.default = version_number(template, version)
    return {"launchTemplate": _document(account, template)}


def delete(
    account: Account, _buckets: Buckets, tree: dict[str, Any], _faults: list[Fault]
) -> dict[str, Any]:
    template = find(account, tree)
    del account.templates[template.id]
    return {"launchTemplate": _document(account, template)}


def describe(
    account: Account, _buckets: Buckets, tree: dict[str, Any], _faults: list[Fault]
) -> dict[str, Any]:
    found = list(account.templates.values())
    ids, names = wire.strings(tree, "LaunchTemplateId"), wire.strings(tree, "LaunchTemplateName")
    if ids or names:
        found = [find(account, {"LaunchTemplateId": name}) for name in ids]
        found += [find(account, {"LaunchTemplateName": name}) for name in names]

    def values(template: Template, name: str) -> Iterable[str] | None:
        if name == "launch-template-name":
            return [template.name]
        if name == "create-time":
            return [wire.timestamp(template.created)]
        return tag_values(template.tags, name)

    found = apply_filters(found, tree, values, Template("", "", 0.0))
    found, token = page(found, tree, lambda template: template.id, (1, 200))
    return {"launchTemplates": [_document(account, item) for item in found], "nextToken": token}


def describe_versions(
    account: Account, _buckets: Buckets, tree: dict[str, Any], _faults: list[Fault]
) -> dict[str, Any]:
    template = find(account, tree)
    wanted = wire.strings(tree, "LaunchTemplateVersion")
    numbers = [version_number(template, text) for text in wanted]
    if not wanted:
        least = wire.number(tree, "MinVersion", 1)
        most = wire.number(tree, "MaxVersion", max(template.versions))
        numbers = [n for n in sorted(template.versions, reverse=True) if least <= n <= most]
    numbers, token = page(numbers, tree, str, (1, 200))
    return {
        "launchTemplateVersionSet": [
            _version_document(account, template, number) for number in numbers
        ],
        "nextToken": token,
    }


def _document(account: Account, template: Template) -> dict[str, Any]:
    return {
        "launchTemplateId": template.id,
        "launchTemplateName": template.name,
        "createTime": wire.timestamp(template.created),
        "createdBy": f"arn:aws:iam::{account.number}:user/tester",
        "defaultVersionNumber": template.default,
        "latestVersionNumber": max(template.versions),
        "tagSet": tag_set(template.tags),
    }


def _version_document(account: Account, template: Template, number: int) -> dict[str, Any]:
    return {
        "launchTemplateId": template.id,
        "launchTemplateName": template.name,
        "versionNumber": number,
        "versionDescription": template.notes[number],
        "createTime": wire.timestamp(template.created),
        "createdBy": f"arn:aws:iam::{account.number}:user/tester",
        "defaultVersion": number == template.default,
        "launchTemplateData": answered(template.versions[number]),
    }


# Lists whose name in an answer does not follow the rule.
LIST_NAMES = {"SecurityGroup": "securityGroupSet"}
NETWORK_LIST_NAMES = {"SecurityGroupId": "groupSet"}


def answered(data: Any, inside: str = "") -> Any:
    """Template data as EC2 tells them: lower case in front, and lists are called sets."""
    if not isinstance(data, dict):
        return [answered(item, inside) for item in data] if isinstance(data, list) else data
    document = {}
    for name, value in data.items():
        told = name[0].lower() + name[1:]
        if isinstance(value, list):
            special = NETWORK_LIST_NAMES if inside == "NetworkInterface" else LIST_NAMES
            told = special.get(name, told + "Set")
        document[told] = answered(value, name)
    return document
