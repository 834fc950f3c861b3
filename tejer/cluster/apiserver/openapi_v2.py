"""The OpenAPI v2 document as protobuf, for kubectl older than 1.27: it validates, explains and dry-runs by it.

Made from our v3 documents. Field numbers: gnostic's `openapiv2/OpenAPIv2.proto`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from tejer.kube.resource import Body

READS_V3_SINCE = 27
_KUBECTL = re.compile(r"kubectl[\w.-]*/v1\.(\d+)")
_V3, _V2 = "#/components/schemas/", "#/definitions/"
_METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}


def wants_v2(user_agent: str) -> bool:
    """Whether this client can't read OpenAPI v3."""
    found = _KUBECTL.match(user_agent)
    return found is not None and int(found[1]) < READS_V3_SINCE


def openapi_v2(documents: Iterable[bytes]) -> bytes:
    """`openapi.v2.Document` with the definitions and paths of all these v3 documents (JSON)."""
    seen: set[str] = set()
    definitions, paths = bytearray(), bytearray()
    for data in documents:
        document: Body = msgspec.json.decode(data)
        for name, schema in document["components"]["schemas"].items():
            if name not in seen:
                seen.add(name)
                definitions += _message(1, _named(name, _schema(schema)))
        for path, item in document["paths"].items():
            paths += _message(2, _named(path, _path_item(item)))
    info = _text(1, "Kubernetes") + _text(2, "v1.33.0")
    return _text(1, "2.0") + _message(2, info) + _message(8, bytes(paths)) + _message(9, bytes(definitions))


def _path_item(item: Body) -> bytes:
    return b"".join(_message(_METHODS[name], _operation(item[name])) for name in _METHODS if name in item)


def _operation(operation: Body) -> bytes:
    parameters = b"".join(_message(8, _parameter(parameter)) for parameter in operation.get("parameters") or ())
    return parameters + b"".join(_message(13, extension) for extension in _extensions(operation))


def _parameter(parameter: Body) -> bytes:
    """ParametersItem → Parameter → NonBodyParameter → QueryParameterSubSchema."""
    query = _text(2, "query") + _text(4, parameter["name"]) + _text(6, "string")
    return _message(1, _message(2, _message(3, query)))


def _schema(schema: Body) -> bytes:
    reference = schema.get("$ref") or _only_reference(schema)
    made = _text(4, schema.get("description", ""))
    if reference:
        return _text(1, reference.replace(_V3, _V2)) + made
    if schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("nullable"):
        # Version 2 can say neither: an arbitrary value is the nearest.
        return made
    made += _text(2, schema.get("format", ""))
    made += b"".join(_text(19, name) for name in schema.get("required") or ())
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        made += _message(21, _message(1, _schema(extra)))
    # Without a type of its own, oneOf lists the types of a quantity or of a number with a name.
    either = schema.get("x-kubernetes-int-or-string") or ("oneOf" in schema and "type" not in schema)
    kind = "string" if either else schema.get("type", "")
    if kind:
        made += _message(22, _text(1, kind))
    if items := schema.get("items"):
        made += _message(23, _message(1, _schema(items)))
    properties = schema.get("properties") or {}
    if properties:
        named = b"".join(_message(1, _named(name, _schema(child))) for name, child in properties.items())
        made += _message(25, named)
    return made + b"".join(_message(31, extension) for extension in _extensions(schema))


def _only_reference(schema: Body) -> str:
    """The target of `allOf: [{$ref}]`, which is how version 3 gives a reference a description."""
    parts = schema.get("allOf") or []
    return str(parts[0].get("$ref", "")) if len(parts) == 1 else ""


def _extensions(node: Body) -> Iterator[bytes]:
    """NamedAny messages; JSON is the YAML of their values."""
    for name, value in node.items():
        if name.startswith("x-kubernetes-"):
            yield _named(name, _text(2, msgspec.json.encode(value).decode()))


def _named(name: str, value: bytes) -> bytes:
    return _text(1, name) + _message(2, value)


def _text(number: int, text: Any) -> bytes:
    data = str(text).encode()
    return _message(number, data) if data else b""


def _message(number: int, data: bytes) -> bytes:
    """A length-delimited field."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
