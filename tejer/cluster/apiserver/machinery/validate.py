"""`validate`: is this object acceptable? Schema and CEL for custom resources, hand-written rules for built-in kinds."""

from __future__ import annotations

from typing import Any

from tejer.cluster.apiserver.machinery.causes import Cause, invalid
from tejer.cluster.apiserver.machinery.celrules import check_rules
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.objectmeta import check_metadata, check_metadata_update
from tejer.cluster.apiserver.machinery.rules.table import RULES, warnings_of
from tejer.cluster.apiserver.machinery.schema import Schema
from tejer.cluster.apiserver.machinery.structural import ABSENT, check_schema
from tejer.kube.resource import Body, metadata

_INCOMPLETE = Cause(
    "FieldValueInvalid",
    "<nil>",
    'Invalid value: "null": some validation rules were not checked because the object was invalid; '
    "correct the existing errors to complete validation",
)


def validate(defn: Definition, new: Body, old: Body | None = None, subresource: str = "") -> tuple[str, ...]:
    """Raise ApiError 422 with all causes when `new` (replacing `old`) is invalid; return warnings otherwise."""
    causes: list[Cause] = []
    if subresource == "":
        causes += check_metadata(defn, metadata(new))
    if old is not None:
        causes += check_metadata_update(metadata(new), metadata(old))
    if defn.is_crd:
        causes += _custom(defn, new, old, subresource)
    elif subresource == "" and defn.kind in RULES:
        causes += RULES[defn.kind](new, old)
    if causes:
        raise invalid(defn.group, defn.kind, str(metadata(new).get("name", "")), causes)
    return () if defn.is_crd or subresource else tuple(warnings_of(defn.kind, new))


def _custom(defn: Definition, new: Body, old: Body | None, subresource: str) -> list[Cause]:
    before: Any = ABSENT if old is None else defn.convert(old)
    schema = _status_only(defn.schema) if subresource == "status" else defn.schema
    causes = check_schema(schema, new, before)
    if defn.has_rules:
        causes = [*causes, _INCOMPLETE] if causes else check_rules(schema, new, before)
    return causes


def _status_only(schema: Schema) -> Schema:
    """An update of the status is blamed only for the status (and for the rules of the whole object)."""
    properties = {key: prop for key, prop in (schema.get("properties") or {}).items() if key == "status"}
    return {**schema, "properties": properties, "required": []}
