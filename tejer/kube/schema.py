"""Structural OpenAPI schemas of the typed kinds, as a CustomResourceDefinition holds them.

A message's schema is read from its annotations: the Python type gives `type`, `items` and so on, the keywords beside it
the constraints, and `SCHEMA` those of the whole message. Source:
Kubernetes, "Specifying a structural schema".
"""

from __future__ import annotations

import types
import typing
from typing import Any

import msgspec

from tejer.kube.kinds.base import Kind

_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def schema_of(kind: type[Kind], *only: str) -> dict[str, Any]:
    """The schema of a message, with those of the messages it holds written out in place. `only`: just these fields."""
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = [field for field in msgspec.structs.fields(kind) if not only or field.name in only]
    properties = {field.encode_name: _schema(hints[field.name]) for field in fields}
    return {"type": "object", "properties": properties, **kind.SCHEMA}


def _schema(hint: Any) -> dict[str, Any]:
    keywords: dict[str, Any] = {}
    if typing.get_origin(hint) is typing.Annotated:
        hint, *notes = typing.get_args(hint)
        for note in notes:
            keywords.update(note.extra_json_schema or {})
    return _merge(_bare_schema(hint), keywords)


def _bare_schema(hint: Any) -> dict[str, Any]:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        members = [member for member in typing.get_args(hint) if member is not types.NoneType]
        if set(members) == {int, str}:
            return {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
        return _schema(members[0])
    if origin is tuple:
        return {"type": "array", "items": _schema(typing.get_args(hint)[0])}
    if origin is dict:
        value = typing.get_args(hint)[1]
        return dict(_OPEN) if value is Any else {"type": "object", "additionalProperties": _schema(value)}
    if isinstance(hint, type) and issubclass(hint, Kind):
        return schema_of(hint)
    return {"type": _SCALARS[hint]}


def _merge(schema: dict[str, Any], keywords: dict[str, Any]) -> dict[str, Any]:
    """Keywords of the field on top of those of its type; CRD rules of both hold."""
    merged = {**schema, **keywords}
    both = "x-kubernetes-validations"
    if both in schema and both in keywords:
        merged[both] = [*keywords[both], *schema[both]]
    return merged
