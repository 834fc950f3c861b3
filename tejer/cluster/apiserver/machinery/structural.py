"""Validation of custom resources by their structural schema, with apiextensions' error texts.

On an update, a value that did not change is not blamed again (ratcheting, as Kubernetes 1.33 does it).
Source: kube-openapi `pkg/validation`, apiextensions-apiserver `pkg/apiserver/validation`.
"""

from __future__ import annotations

import json
from typing import Any

from tejer.cluster.apiserver.machinery.causes import (
    Cause,
    duplicate,
    invalid_value,
    not_supported,
    required,
    too_long,
    too_many,
    type_invalid,
)
from tejer.cluster.apiserver.machinery.formats import fits
from tejer.cluster.apiserver.machinery.gopattern import go_pattern
from tejer.cluster.apiserver.machinery.schema import Schema, list_keys

ABSENT: Any = object()
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "boolean": (bool,), "object": (dict,), "array": (list,), "integer": (int,), "number": (int, float)
}  # fmt: skip
_JSON_NAMES = (
    (bool, "boolean"),
    (str, "string"),
    (int, "integer"),
    (float, "number"),
    (list, "array"),
    (dict, "object"),
)


def check_schema(schema: Schema, value: Any, old: Any = ABSENT, path: str = "") -> list[Cause]:
    """All that is wrong with `value`; `old` is the value it replaces."""
    found: list[Cause] = []
    _check(schema, value, old, path, found)
    return found


def correlated(schema: Schema, old: Any) -> dict[str, Any]:
    """The items of an old keyed list by their keys; empty for lists whose items have no identity."""
    if schema.get("x-kubernetes-list-type") != "map" or not isinstance(old, list):
        return {}
    return {item_key(schema, item): item for item in old}


def item_key(schema: Schema, item: Any) -> str:
    if not isinstance(item, dict):
        return ""
    items = (schema.get("items") or {}).get("properties") or {}
    keys = {key: item.get(key, (items.get(key) or {}).get("default")) for key in list_keys(schema)}
    return json.dumps({key: value for key, value in keys.items() if value is not None}, separators=(",", ":"))


def _check(schema: Schema, value: Any, old: Any, path: str, found: list[Cause]) -> None:
    if not schema or (old is not ABSENT and old == value):
        return
    kind = schema.get("type", "")
    if value is None:
        if not schema.get("nullable") and kind:
            found.append(type_invalid(path, "null", f'{path} in body must be of type {kind}: "null"'))
        return
    if schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            text = f'{path} in body must be of type integer,string: "{_json_type(value)}"'
            found.append(type_invalid(path, _json_type(value), text))
            return
    elif kind and not _is_type(kind, value):
        found.append(
            type_invalid(path, _json_type(value), f'{path} in body must be of type {kind}: "{_json_type(value)}"')
        )
        return
    if "enum" in schema and value not in schema["enum"]:
        found.append(not_supported(path, value, schema["enum"]))
    form = schema.get("format")
    if form and not fits(form, value):
        found.append(invalid_value(path, value, f"{path} in body must be of type {form}: {json.dumps(value)}"))
    if isinstance(value, str):
        _check_text(schema, value, path, found)
    elif isinstance(value, dict):
        _check_object(schema, value, old, path, found)
    elif isinstance(value, list):
        _check_list(schema, value, old, path, found)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        _check_number(schema, value, path, found)
    _check_combinations(schema, value, path, found)


def _is_type(kind: str, value: Any) -> bool:
    if kind in ("integer", "number") and isinstance(value, bool):
        return False
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return kind not in _TYPES or isinstance(value, _TYPES[kind])


def _json_type(value: Any) -> str:
    return next((name for kind, name in _JSON_NAMES if isinstance(value, kind)), "null")


def _check_text(schema: Schema, value: str, path: str, found: list[Cause]) -> None:
    if len(value) > schema.get("maxLength", len(value)):
        found.append(too_long(path, schema["maxLength"]))
    if len(value) < schema.get("minLength", 0):
        found.append(invalid_value(path, value, f"{path} in body should be at least {schema['minLength']} chars long"))
    if "pattern" in schema and not go_pattern(schema["pattern"]).matches(value):
        found.append(invalid_value(path, value, f"{path} in body should match '{schema['pattern']}'"))


def _check_number(schema: Schema, value: float, path: str, found: list[Cause]) -> None:
    low, high, step = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if low is not None and (value < low or (value == low and schema.get("exclusiveMinimum"))):
        than = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        found.append(invalid_value(path, value, f"{path} in body should be {than} {low}"))
    if high is not None and (value > high or (value == high and schema.get("exclusiveMaximum"))):
        than = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        found.append(invalid_value(path, value, f"{path} in body should be {than} {high}"))
    if step and value % step:
        found.append(invalid_value(path, value, f"{path} in body should be a multiple of {step}"))


def _check_object(schema: Schema, value: dict[str, Any], old: Any, path: str, found: list[Cause]) -> None:
    before = old if isinstance(old, dict) else {}
    for key in schema.get("required") or ():
        if key not in value:
            found.append(required(_join(path, key)))
    if len(value) > schema.get("maxProperties", len(value)):
        found.append(too_many(path, len(value), schema["maxProperties"]))
    if len(value) < schema.get("minProperties", 0):
        text = f"{path} in body should have at least {schema['minProperties']} properties"
        found.append(invalid_value(path, len(value), text))
    properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
    for key, inner in value.items():
        below = properties.get(key, additional)
        if isinstance(below, dict):
            _check(below, inner, before.get(key, ABSENT), _join(path, key), found)


def _check_list(schema: Schema, value: list[Any], old: Any, path: str, found: list[Cause]) -> None:
    if len(value) > schema.get("maxItems", len(value)):
        found.append(too_many(path, len(value), schema["maxItems"]))
    if len(value) < schema.get("minItems", 0):
        text = f"{path} in body should have at least {schema['minItems']} items"
        found.append(invalid_value(path, len(value), text))
    items = schema.get("items")
    if isinstance(items, dict):
        before = correlated(schema, old)
        for index, item in enumerate(value):
            _check(items, item, before.get(item_key(schema, item), ABSENT), f"{path}[{index}]", found)
    list_type = schema.get("x-kubernetes-list-type")
    if list_type in ("map", "set"):
        seen = set()
        for index, item in enumerate(value):
            key = item_key(schema, item) if list_type == "map" else json.dumps(item, sort_keys=True)
            if key in seen and key:
                found.append(duplicate(f"{path}[{index}]", json.loads(key)))
            seen.add(key)


def _check_combinations(schema: Schema, value: Any, path: str, found: list[Cause]) -> None:
    if schema.get("x-kubernetes-int-or-string"):
        return
    if "oneOf" in schema:
        fitting = _fitting(schema["oneOf"], value, path)
        if fitting != 1:
            found_text = f"Found {fitting} valid alternatives" if fitting else "Found none valid"
            text = f'"{path}" must validate one and only one schema (oneOf). {found_text}'
            found.append(invalid_value(path, "", text))
    if "anyOf" in schema and not _fitting(schema["anyOf"], value, path):
        found.append(invalid_value(path, "", f'"{path}" must validate at least one schema (anyOf)'))
    for part in schema.get("allOf") or ():
        _check(part, value, ABSENT, path, found)
    if "not" in schema and not check_schema(schema["not"], value, ABSENT, path):
        found.append(invalid_value(path, "", f'"{path}" must not validate the schema (not)'))


def _fitting(options: list[Schema], value: Any, path: str) -> int:
    return sum(1 for option in options if not check_schema(option, value, ABSENT, path))


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
