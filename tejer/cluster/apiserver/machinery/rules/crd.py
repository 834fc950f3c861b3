"""What a CustomResourceDefinition must be: names, versions, and a structural schema with CEL that compiles.

Source: apiextensions-apiserver `pkg/apis/apiextensions/validation/validation.go`, release 1.33.
"""

from __future__ import annotations

import re
from typing import Any

from tejer.cluster.apiserver.machinery import cel, names
from tejer.cluster.apiserver.machinery.causes import (
    Cause,
    duplicate,
    forbidden,
    immutable,
    invalid_value,
    not_supported,
    required,
)
from tejer.cluster.apiserver.machinery.defaults import default_by_schema
from tejer.cluster.apiserver.machinery.gopattern import go_pattern
from tejer.cluster.apiserver.machinery.structural import ABSENT, check_schema
from tejer.kube.resource import Body, name_of

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("", "byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_UNSUPPORTED = ("$ref", "$schema", "definitions", "dependencies", "patternProperties", "additionalItems", "id")
_KIND = re.compile("[A-Za-z][-A-Za-z0-9]{0,62}")


def check_crd(crd: Body, old: Body | None) -> list[Cause]:
    spec = crd.get("spec") or {}
    group, given = spec.get("group", ""), spec.get("names") or {}
    wrong = _check_group(group)
    if name_of(crd) != f"{given.get('plural', '')}.{group}":
        wrong.append(invalid_value("metadata.name", name_of(crd), 'must be spec.names.plural+"."+spec.group'))
    if spec.get("scope") not in ("Cluster", "Namespaced"):
        supported = ("Cluster", "Namespaced")
        wrong.append(
            not_supported("spec.scope", spec["scope"], supported) if spec.get("scope") else required("spec.scope")
        )
    wrong += _check_names(given)
    wrong += _check_versions(spec.get("versions") or [])
    strategy = (spec.get("conversion") or {}).get("strategy", "None")
    if strategy != "None":
        wrong.append(not_supported("spec.conversion.strategy", strategy, ("None",)))
    if old is not None:
        wrong += _check_update(spec, old)
    return wrong


def _check_group(group: str) -> list[Cause]:
    if not group:
        return [required("spec.group")]
    wrong = [invalid_value("spec.group", group, text) for text in names.dns_subdomain(group)]
    if not wrong and "." not in group:
        wrong.append(invalid_value("spec.group", group, "should be a domain with at least one dot"))
    return wrong


def _check_names(given: Body) -> list[Cause]:
    wrong: list[Cause] = []
    for key, rule in (("plural", names.dns_1035_label), ("singular", names.dns_1035_label), ("kind", _kind_name)):
        value = given.get(key, "")
        path = f"spec.names.{key}"
        if not value:
            wrong += [] if key == "singular" else [required(path)]
            continue
        wrong += [invalid_value(path, value, text) for text in rule(value)]
    for key in ("shortNames", "categories"):
        for index, value in enumerate(given.get(key) or ()):
            wrong += [invalid_value(f"spec.names.{key}[{index}]", value, t) for t in names.dns_1035_label(value)]
    if given.get("kind") and given.get("kind") == given.get("listKind"):
        text = "kind and listKind may not be the same"
        wrong.append(invalid_value("spec.names.listKind", given["listKind"], text))
    return wrong


def _kind_name(text: str) -> list[str]:
    if _KIND.fullmatch(text):
        return []
    return ["may have mixed case, but should otherwise match: " + "; ".join(names.dns_1035_label(text.lower()))]


def _check_versions(versions: list[Body]) -> list[Cause]:
    if not versions:
        return [required("spec.versions", "must have exactly one version marked as storage version")]
    wrong: list[Cause] = []
    seen: set[str] = set()
    for index, version in enumerate(versions):
        path = f"spec.versions[{index}]"
        name = version.get("name", "")
        wrong += [invalid_value(f"{path}.name", name, text) for text in names.dns_1035_label(name)]
        if name in seen:
            wrong.append(duplicate(f"{path}.name", name))
        seen.add(name)
        wrong += _check_version(version, path)
    if sum(1 for version in versions if version.get("storage")) != 1:
        text = "must have exactly one version marked as storage version"
        wrong.append(invalid_value("spec.versions", [v.get("name", "") for v in versions], text))
    return wrong


def _check_version(version: Body, path: str) -> list[Cause]:
    wrong: list[Cause] = []
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    at = f"{path}.schema.openAPIV3Schema"
    if not isinstance(schema, dict):
        wrong.append(required(at, "schemas are required"))
    else:
        if schema.get("type") != "object":
            kind = schema.get("type", "")
            wrong.append(
                invalid_value(f"{at}.type", kind, "must be object at the root")
                if kind
                else required(f"{at}.type", "must not be empty at the root")
            )
        wrong += _check_structure(schema, at)
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        wrong += _check_column(column, f"{path}.additionalPrinterColumns[{index}]")
    scale = (version.get("subresources") or {}).get("scale")
    if scale is not None:
        for key, prefix in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
            value = scale.get(key, "")
            where = f"{path}.subresources.scale.{key}"
            if not value:
                wrong.append(required(where))
            elif not value.startswith(prefix):
                wrong.append(invalid_value(where, value, f"should be a json path under {prefix.rstrip('.')}"))
    return wrong


def _check_column(column: Body, path: str) -> list[Cause]:
    wrong: list[Cause] = []
    for key in ("name", "type", "jsonPath"):
        if not column.get(key):
            wrong.append(required(f"{path}.{key}"))
    if column.get("type") and column["type"] not in _COLUMN_TYPES:
        wrong.append(invalid_value(f"{path}.type", column["type"], f"must be one of {','.join(_COLUMN_TYPES)}"))
    if column.get("format", "") not in _COLUMN_FORMATS:
        wrong.append(invalid_value(f"{path}.format", column["format"], f"must be one of {','.join(_COLUMN_FORMATS)}"))
    if column.get("jsonPath") and not column["jsonPath"].lstrip("{").startswith((".", "[")):
        wrong.append(invalid_value(f"{path}.jsonPath", column["jsonPath"], "is an invalid path: it must start with ."))
    return wrong


def _check_structure(schema: Any, path: str, *, nested: bool = False) -> list[Cause]:
    """The rules of structural schemas; `nested` inside allOf, anyOf, oneOf and not."""
    if not isinstance(schema, dict):
        return [invalid_value(path, schema, "must be an object")]
    wrong: list[Cause] = [
        forbidden(f"{path}.{key}", f"{key} is not supported") for key in _UNSUPPORTED if key in schema
    ]
    kind = schema.get("type", "")
    open_ended = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if kind and kind not in _TYPES:
        wrong.append(not_supported(f"{path}.type", kind, _TYPES))
    if not nested:
        if not kind and not open_ended:
            wrong.append(required(f"{path}.type", "must not be empty for specified object fields"))
        wrong += _check_extensions(schema, kind, path)
        if "default" in schema:
            wrong += _check_default(schema, path)
    elif "default" in schema:
        wrong.append(forbidden(f"{path}.default", "must be undefined to be structural"))
    if "properties" in schema and isinstance(schema.get("additionalProperties"), dict):
        wrong.append(forbidden(f"{path}.additionalProperties", "must not be used together with properties"))
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        wrong.append(forbidden(f"{path}.uniqueItems", text))
    if "pattern" in schema:
        wrong += _check_pattern(schema["pattern"], f"{path}.pattern")
    wrong += _check_rules(schema, path)
    return wrong + _check_children(schema, path, nested=nested)


def _check_children(schema: Body, path: str, *, nested: bool) -> list[Cause]:
    wrong: list[Cause] = []
    for name, prop in (schema.get("properties") or {}).items():
        wrong += _check_structure(prop, f"{path}.properties[{name}]", nested=nested)
    for key in ("items", "additionalProperties", "not"):
        below = schema.get(key)
        if isinstance(below, dict):
            wrong += _check_structure(below, f"{path}.{key}", nested=nested or key == "not")
    for key in ("allOf", "anyOf", "oneOf"):
        for index, option in enumerate(schema.get(key) or ()):
            wrong += _check_structure(option, f"{path}.{key}[{index}]", nested=True)
    return wrong


def _check_extensions(schema: Body, kind: str, path: str) -> list[Cause]:
    wrong: list[Cause] = []
    if kind == "array" and not isinstance(schema.get("items"), dict):
        wrong.append(required(f"{path}.items", "must be specified"))
    list_type = schema.get("x-kubernetes-list-type")
    keys = schema.get("x-kubernetes-list-map-keys") or []
    if list_type is not None and list_type not in ("atomic", "set", "map"):
        wrong.append(not_supported(f"{path}.x-kubernetes-list-type", list_type, ("atomic", "set", "map")))
    if list_type == "map":
        if not keys:
            text = "must not be empty if x-kubernetes-list-type is map"
            wrong.append(required(f"{path}.x-kubernetes-list-map-keys", text))
        items = schema.get("items") or {}
        for index, key in enumerate(keys):
            if key not in (items.get("properties") or {}):
                text = f'"{key}" is not a property of items'
                wrong.append(invalid_value(f"{path}.x-kubernetes-list-map-keys[{index}]", key, text))
            elif key not in (items.get("required") or ()) and "default" not in items["properties"][key]:
                text = "this property is in x-kubernetes-list-map-keys, so it must have a default or be required"
                wrong.append(required(f"{path}.items.properties[{key}].default", text))
    map_type = schema.get("x-kubernetes-map-type")
    if map_type is not None and map_type not in ("granular", "atomic"):
        wrong.append(not_supported(f"{path}.x-kubernetes-map-type", map_type, ("granular", "atomic")))
    return wrong


def _check_default(schema: Body, path: str) -> list[Cause]:
    value = schema["default"]
    if isinstance(value, (dict, list)):
        value = _copy_with_defaults(schema)
    causes = check_schema(schema, value, ABSENT, f"{path}.default")
    return [cause._replace(field=cause.field or f"{path}.default") for cause in causes]


def _copy_with_defaults(schema: Body) -> Any:
    holder: Body = {}
    default_by_schema({"properties": {"value": schema}}, holder)
    return holder.get("value")


def _check_pattern(pattern: str, path: str) -> list[Cause]:
    try:
        go_pattern(pattern)
    except ValueError as error:
        return [invalid_value(path, pattern, f"must be a valid regular expression, but isn't: {error}")]
    return []


def _check_rules(schema: Body, path: str) -> list[Cause]:
    wrong: list[Cause] = []
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        at = f"{path}.x-kubernetes-validations[{index}]"
        text = rule.get("rule", "")
        if not text.strip():
            wrong.append(required(f"{at}.rule", "rule is not specified"))
            continue
        problem = cel.compile_problem(text)
        if problem:
            wrong.append(invalid_value(f"{at}.rule", text, f"compilation failed: {problem}"))
    return wrong


def _check_update(spec: Body, old: Body) -> list[Cause]:
    before = old.get("spec") or {}
    established = (old.get("status") or {}).get("conditions") or ()
    wrong: list[Cause] = []
    if any(c.get("type") == "Established" and c.get("status") == "True" for c in established):
        given, held = spec.get("names") or {}, before.get("names") or {}
        wrong += [
            immutable(f"spec.names.{key}", given.get(key, ""))
            for key in ("plural", "kind")
            if given.get(key) != held.get(key)
        ]
        wrong += [
            immutable(f"spec.{key}", spec.get(key, ""))
            for key in ("group", "scope")
            if spec.get(key) != before.get(key)
        ]
    versions = {version.get("name") for version in spec.get("versions") or ()}
    for index, name in enumerate((old.get("status") or {}).get("storedVersions") or ()):
        if name not in versions:
            text = "missing from spec.versions; it is in status.storedVersions, so objects may still be stored in it"
            wrong.append(invalid_value(f"status.storedVersions[{index}]", name, text))
    return wrong
