"""OpenAPI keywords beside the fields of Istio's messages: the constraints that end up in the CRDs.

`Annotated[str, enum("A", "B")]` constrains a field, `SCHEMA = message(required=("name",))` a message. They are only
described here; the API server enforces them (`tejer.kube.schema` turns them into structural schemas).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_WORDS = {
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "preserve_unknown": "x-kubernetes-preserve-unknown-fields",
    "list_type": "x-kubernetes-list-type",
    "list_map_keys": "x-kubernetes-list-map-keys",
    "rules": "x-kubernetes-validations",
}


def rule(expression: str, message: str = "") -> Mapping[str, str]:
    """A CEL rule over `self`, and what to tell the user where it does not hold."""
    return {"rule": expression, "message": message} if message else {"rule": expression}


def schema(**keywords: Any) -> msgspec.Meta:
    """Constraints of one field, in snake_case (`min_length=1`); `rules` takes the CEL rules."""
    return msgspec.Meta(extra_json_schema=_keywords(keywords))


def enum(*values: str) -> msgspec.Meta:
    """A string that is one of `values`."""
    return schema(enum=values)


def message(one_of: Sequence[Sequence[str]] = (), **keywords: Any) -> Mapping[str, Any]:
    """Constraints of a whole message. Of each group in `one_of` at most one field may be set."""
    result = _keywords(keywords)
    groups = [_at_most_one(group) for group in one_of]
    if len(groups) == 1:
        result |= groups[0]
    elif groups:
        result["allOf"] = groups
    return result


def _at_most_one(names: Sequence[str]) -> dict[str, Any]:
    each = [{"required": [name]} for name in names]
    return {"oneOf": [{"not": {"anyOf": each}}, *each]}


def _keywords(keywords: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _WORDS.get(name, name): list(value) if isinstance(value, tuple) else value for name, value in keywords.items()
    }


DURATION = schema(rules=(rule("duration(self) >= duration('1ms')", "must be a valid duration greater than 1ms"),))
INT32 = schema(format="int32")
NULLABLE = schema(nullable=True)
PORT = schema(minimum=1, maximum=65535)
UINT32 = schema(minimum=0, maximum=4294967295)
UINT32_OR_NULL = schema(minimum=0, maximum=4294967295, nullable=True)
UINT64 = schema(minimum=0)
CHECKED_PORT = schema(
    minimum=0, maximum=4294967295, rules=(rule("0 < self && self <= 65535", "port must be between 1-65535"),)
)
