"""Walking OpenAPI schemas: built-in definitions by name, references, properties, and how lists and maps merge.

A schema of a built-in type is loaded when first used, with what `gotypes` knows written beside each property:
`x-go-keep` (Go writes it even when zero), and `x-go-always` (a value struct, always written). `x-go-absent` of an
object holds what Go writes for absent members: an empty value struct, or null for a list or map without omitempty.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

from tejer.cluster.apiserver.machinery import data, gotypes

Schema: TypeAlias = dict[str, Any]
"""An OpenAPI v3 schema object. `$ref` names a built-in definition; see `resolve`."""

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
OBJECT_META: Schema = {"$ref": META + "ObjectMeta"}
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_SCALAR_STRUCTS = (
    ".Time",
    ".MicroTime",
    ".Quantity",
    ".IntOrString",
    ".RawExtension",
    ".FieldsV1",
    ".Duration",
)
_EMPTY: Schema = {}


@cache
def definition(name: str) -> Schema:
    """The built-in definition `name`; an empty schema (anything goes) when there is none."""
    raw = data.openapi().get(name)
    if raw is None:
        return _EMPTY
    schema: Schema = data.decode(raw)
    flags = gotypes.by_json_name(gotypes.message_of_definition(name))
    absent: dict[str, Any] = {}
    for prop, child in schema.get("properties", {}).items():
        _merge_strategy_as_list_type(child)
        entry = flags.get(prop)
        if entry is None:
            child["x-go-keep"] = not flags
            continue
        child["x-go-keep"] = entry.keep
        if entry.always and not entry.type.endswith(_SCALAR_STRUCTS):
            child["x-go-always"] = True
            absent[prop] = resolve(child).get("x-go-absent", _EMPTY)
        elif entry.keep and entry.label != gotypes.SINGLE:
            absent[prop] = None
    if absent:
        schema["x-go-absent"] = absent
    _note_siblings(schema)
    return schema


def _note_siblings(node: Any) -> None:
    """Collect the x-kubernetes-* keys beside each reference once, for `resolve`."""
    if isinstance(node, list):
        for inner in node:
            _note_siblings(inner)
    elif isinstance(node, dict):
        if "$ref" in node:
            beside = {key: value for key, value in node.items() if key.startswith("x-kubernetes")}
            if beside:
                node["x-beside"] = beside
        for key, inner in node.items():
            if key not in ("x-go-absent", "x-beside"):
                _note_siblings(inner)


def _merge_strategy_as_list_type(schema: Schema) -> None:
    """A list without a list type takes it from its patch strategy, as Kubernetes' schema conversion does."""
    strategy = schema.get("x-kubernetes-patch-strategy", "").split(",")
    if schema.get("type") == "array" and "merge" in strategy and "x-kubernetes-list-type" not in schema:
        key = schema.get("x-kubernetes-patch-merge-key")
        schema["x-kubernetes-list-type"] = "map" if key else "set"
        if key:
            schema["x-kubernetes-list-map-keys"] = [key]


@cache
def definition_of_kind(group: str, version: str, kind: str) -> str:
    """The definition of a built-in kind by its x-kubernetes-group-version-kind, or ""."""
    ending = f".{version}.{kind}"
    for name in data.openapi():
        if name.endswith(ending):
            for gvk in definition(name).get("x-kubernetes-group-version-kind", ()):
                if (gvk["group"], gvk["version"], gvk["kind"]) == (group, version, kind):
                    return name
    return ""


def resolve(schema: Schema | None) -> Schema:
    """Follow `$ref`, keeping the x-kubernetes-* keys written beside it; {} for an absent schema."""
    if not schema:
        return _EMPTY
    name = schema.get("$ref")
    if name is None:
        return schema
    target = definition(name)
    beside = schema.get("x-beside")
    return {**target, **beside} if beside else target


def child(schema: Schema, key: str) -> Schema | None:
    """The schema of a resolved object schema's member `key`; None when it says nothing of it."""
    found = schema.get("properties", _EMPTY).get(key)
    if found is None:
        found = schema.get("additionalProperties")
    return found if isinstance(found, dict) else None


def is_atomic_map(schema: Schema) -> bool:
    return bool(schema.get("x-kubernetes-map-type") == "atomic")


def is_atomic_list(schema: Schema) -> bool:
    return schema.get("x-kubernetes-list-type") not in ("map", "set")


def list_keys(schema: Schema) -> list[str]:
    keys: list[str] = schema.get("x-kubernetes-list-map-keys") or []
    return keys


def key_default(items: Schema, key: str) -> Any:
    """The default that stands for an absent list key (`protocol: TCP`), or None."""
    return (resolve(items).get("properties", _EMPTY).get(key) or _EMPTY).get("default")


def structural(schema: Schema) -> Schema:
    """A CRD's openAPIV3Schema as the machinery keeps it: no descriptions (most of its size)."""
    return {key: _structural(key, value) for key, value in schema.items() if key != "description"}


def _structural(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: structural(prop) for name, prop in value.items()}
    if key in ("items", "additionalProperties", "not") and isinstance(value, dict):
        return structural(value)
    if key in ("allOf", "anyOf", "oneOf"):
        return [structural(option) for option in value]
    return value


def has_rules(schema: Schema) -> bool:
    """Whether any CEL rule is in a structural schema: most have none, and then no value is walked for them."""
    below = [*(schema.get("properties") or {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return bool(schema.get("x-kubernetes-validations")) or any(has_rules(s) for s in below if isinstance(s, dict))
