"""Decoding a client's JSON as Kubernetes' Go types would: unknown fields found and dropped, wrong types refused,
nulls and empty `omitempty` fields left out, value structs always present.

Texts follow sigs.k8s.io/json, which clients and people already know:
`json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.schema import INT_OR_STRING, OBJECT_META, QUANTITY, Schema, resolve
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

_QUANTITY_TEXT = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_QUANTITY = re.compile(r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?[0-9]+))?$")
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
_LIMITS = {"int32": 1 << 31, "int64": 1 << 63}
MAX_DEPTH = 100


class DecodeError(ValueError):
    """The body cannot be read as its kind; the text is Go's."""


def decode(defn: Definition, body: Body) -> tuple[Body, list[str]]:
    """The body as the server understands it, and the paths of fields it does not know (which are dropped).

    Raises ApiError 400 when a field has the wrong type. The body is copied, never changed.
    """
    reader = _Reader()
    try:
        out = reader.custom(defn.schema, body) if defn.is_crd else reader.value(defn.schema, body, "", "")
    except DecodeError as error:
        raise cannot_handle(defn, str(error)) from error
    out["kind"], out["apiVersion"] = defn.kind, defn.api_version
    return out, reader.unknown


def cannot_handle(defn: Definition, problem: str) -> ApiError:
    text = f'{defn.kind} in version "{defn.version}" cannot be handled as a {defn.kind}: {problem}'
    return ApiError(400, "BadRequest", text)


def strict_problems(unknown: list[str], duplicates: tuple[str, ...]) -> list[str]:
    """`unknown field "spec.foo"`, one each; duplicates first, as the JSON decoder meets them first."""
    return [f'duplicate field "{path}"' for path in duplicates] + [f'unknown field "{path}"' for path in unknown]


def _go_value(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int():
            return "number"
        case float():
            return f"number {value}"
        case list():
            return "array"
    return "object"


def _go_type(schema: Schema) -> str:
    ref = schema.get("$ref")
    if ref:
        target = resolve(schema)
        if target.get("type") == "string":
            return "string"
        parts = ref.split(".")
        return f"{parts[-2]}.{parts[-1]}"
    match schema.get("type"):
        case "array":
            return "[]" + ("uint8" if schema.get("format") == "byte" else _go_type(schema.get("items") or {}))
        case "object":
            return f"map[string]{_go_type(schema.get('additionalProperties') or {})}"
        case "boolean":
            return "bool"
        case "integer":
            return schema.get("format") or "int"
        case "number":
            return "float64"
    return schema.get("type") or "interface {}"


class _Reader:
    """One decoding: collects unknown fields on the way."""

    def __init__(self) -> None:
        self.unknown: list[str] = []

    def value(self, schema: Schema, value: Any, path: str, owner: str, depth: int = 0) -> Any:
        """`owner` is the Go struct that holds the field; paths in type errors carry no list index."""
        if depth > MAX_DEPTH:
            raise DecodeError("exceeded max depth")
        ref = schema.get("$ref", "")
        target = resolve(schema)
        if ref in (INT_OR_STRING, QUANTITY):
            return self._number_or_text(ref, value, path, owner)
        if target.get("x-kubernetes-preserve-unknown-fields") and "properties" not in target:
            return value
        match target.get("type"):
            case "object":
                if not isinstance(value, dict):
                    raise self._mismatch(schema, value, path, owner)
                if "properties" in target:
                    return self._struct(target, ref.rsplit(".", 1)[-1], value, path, depth)
                return self._map(target, value, path, owner, depth)
            case "array":
                if not isinstance(value, list):
                    raise self._mismatch(schema, value, path, owner)
                return self._list(target.get("items") or {}, value, path, owner, depth)
            case None:
                return value
        return self._scalar(schema, target, value, path, owner)

    def _struct(self, schema: Schema, name: str, value: Body, path: str, depth: int) -> Body:
        properties = schema["properties"]
        out: Body = {}
        for key, raw in value.items():
            where = f"{path}.{key}" if path else key
            prop = properties.get(key)
            if prop is None:
                self.unknown.append(where)
            elif raw is not None:
                read = self.value(prop, raw, where, name, depth + 1)
                if prop.get("x-go-keep") or not _is_zero(read):
                    out[key] = read
        for key, prop in properties.items():
            if prop.get("x-go-always") and key not in out:
                out[key] = self.value(prop, {}, "", name, depth + 1)
        return out

    def _map(self, schema: Schema, value: Body, path: str, owner: str, depth: int) -> Body:
        inner = schema.get("additionalProperties")
        if not isinstance(inner, dict):
            return value
        out = {}
        for key, raw in value.items():
            if raw is None:
                raw = "" if inner.get("type") == "string" else {}
            out[key] = self.value(inner, raw, f"{path}.{key}", owner, depth + 1)
        return out

    def _list(self, items: Schema, value: list[Any], path: str, owner: str, depth: int) -> list[Any]:
        out = []
        for index, raw in enumerate(value):
            if raw is None:
                raw = {} if resolve(items).get("type") == "object" else ""
            out.append(self.value(items, raw, f"{path}[{index}]", owner, depth + 1))
        return out

    def _scalar(self, schema: Schema, target: Schema, value: Any, path: str, owner: str) -> Any:
        kind, form = target.get("type"), target.get("format")
        if kind == "string":
            if not isinstance(value, str):
                raise self._mismatch(schema, value, path, owner)
            if form == "byte":
                _check_base64(value)
            elif form == "date-time" and not _TIME.match(value):
                raise DecodeError(
                    f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"'
                )
            return value
        if kind == "boolean":
            if not isinstance(value, bool):
                raise self._mismatch(schema, value, path, owner)
            return value
        if kind == "integer":
            limit = _LIMITS.get(str(form), 1 << 63)
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if isinstance(value, bool) or not isinstance(value, int) or not -limit <= value < limit:
                raise self._mismatch(schema, value, path, owner, exact=True)
            return value
        if kind == "number" and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise self._mismatch(schema, value, path, owner)
        return value

    def _number_or_text(self, ref: str, value: Any, path: str, owner: str) -> Any:
        if ref == QUANTITY:
            text = value if isinstance(value, str) else str(value) if _is_number(value) else ""
            if not _QUANTITY.match(text):
                raise DecodeError(f"quantities must match the regular expression '{_QUANTITY_TEXT}'")
            return text
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise self._mismatch({"$ref": ref}, value, path, owner)
        return value

    def _mismatch(self, schema: Schema, value: Any, path: str, owner: str, *, exact: bool = False) -> DecodeError:
        path = re.sub(r"\[\d+\]", "", path)
        what = f"number {value}" if exact and _is_number(value) else _go_value(value)
        where = f"Go struct field {owner}.{path}" if owner else "Go value"
        return DecodeError(f"json: cannot unmarshal {what} into {where} of type {_go_type(schema)}")

    # Custom resources: pruned by their structural schema, types are the validation's business.

    def custom(self, schema: Schema, body: Body) -> Body:
        out = self.prune(schema, body, "", root=True)
        if "metadata" in body:
            out["metadata"] = self.value(OBJECT_META, body["metadata"] or {}, "metadata", "ObjectMeta")
        assert isinstance(out, dict)
        return out

    def prune(self, schema: Schema, value: Any, path: str, *, root: bool = False) -> Any:
        if isinstance(value, list):
            items = schema.get("items")
            if not isinstance(items, dict):
                return value
            return [self.prune(items, item, f"{path}[{index}]") for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        properties = schema.get("properties") or {}
        additional = schema.get("additionalProperties")
        embedded = root or schema.get("x-kubernetes-embedded-resource")
        preserve = schema.get("x-kubernetes-preserve-unknown-fields") or not schema
        out = {}
        for key, raw in value.items():
            where = f"{path}.{key}" if path else key
            if embedded and key in ("apiVersion", "kind", "metadata"):
                out[key] = raw
            elif key in properties:
                out[key] = self.prune(properties[key], raw, where)
            elif isinstance(additional, dict):
                out[key] = self.prune(additional, raw, where)
            elif preserve or additional is True:
                out[key] = raw
            else:
                self.unknown.append(where)
        return out


def _is_zero(value: Any) -> bool:
    """What omitempty leaves out."""
    return value == "" or value is False or (value == 0 and not isinstance(value, bool)) or value in ([], {})


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_base64(text: str) -> None:
    try:
        base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        bad = next((i for i, char in enumerate(text) if not re.match(r"[A-Za-z0-9+/=\r\n]", char)), len(text))
        raise DecodeError(f"illegal base64 data at input byte {bad}") from None
