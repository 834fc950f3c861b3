"""Schemas as predicates: does a value fit? Most do, and then nobody needs to know where it does not.

The answer is that of `structure`, which says what is wrong; a property test holds them together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Fits = Callable[[Any], bool]

_CLASSES: dict[str, tuple[type, ...]] = {
    "string": (str,), "boolean": (bool,), "integer": (int,), "number": (int, float), "array": (list,),
    "object": (dict,),
}  # fmt: skip


def has_type(value: Any, kind: str) -> bool:
    """Whether a JSON value is of a schema's type; true and false are no numbers."""
    return isinstance(value, _CLASSES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def compiled(schema: dict[str, Any]) -> Fits:
    """The predicate of a structural schema. Ranges and CEL rules are not looked at."""
    if schema.get("x-kubernetes-int-or-string"):
        return lambda value: isinstance(value, int | str) and not isinstance(value, bool)
    kind = schema.get("type", "object")
    if kind == "object":
        return _object(schema)
    if kind == "array":
        item = compiled(schema["items"])
        return lambda value: type(value) is list and all(one is not None and item(one) for one in value)
    if "enum" in schema:
        allowed = frozenset(schema["enum"])
        return lambda value: has_type(value, kind) and value in allowed
    return lambda value: has_type(value, kind)


def _object(schema: dict[str, Any]) -> Fits:
    properties, extra = schema.get("properties"), schema.get("additionalProperties")
    if properties is None:
        if extra is None:
            return lambda value: isinstance(value, dict)
        member = compiled(extra)
        return lambda value: isinstance(value, dict) and all(v is not None and member(v) for v in value.values())
    fields = {name: compiled(inner) for name, inner in properties.items()}
    is_open = bool(schema.get("x-kubernetes-preserve-unknown-fields"))

    def fits(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        for name, item in value.items():
            field = fields.get(name)
            if field is None:
                if not is_open:
                    return False
            elif item is not None and not field(item):
                return False
        return True

    return fits
