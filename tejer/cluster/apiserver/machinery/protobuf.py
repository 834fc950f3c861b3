"""`application/vnd.kubernetes.protobuf` request bodies, decoded to JSON objects. Answers are always JSON.

kubectl >= 1.32 and client-go's typed clients send these for built-in kinds and do not fall back to JSON.
Envelope: magic `k8s\\0`, then runtime.Unknown (1: TypeMeta, 2: raw). Source: apimachinery's protobuf serializer.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tejer.cluster.apiserver.machinery.gotypes import MAP, REPEATED, Field, fields, message_of
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

PROTOBUF = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\0"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_DEPTH = 64
_ABSENT: Any = object()


def decode_protobuf(data: bytes) -> Body:
    """The object in a `k8s\\0` envelope, with apiVersion and kind. Raises ApiError 400 when it is none we know."""
    try:
        return _decode_envelope(data)
    except (ValueError, KeyError, IndexError, struct.error, OverflowError, TypeError, AttributeError) as error:
        # the last two: a field of another wire type than its own
        raise ApiError(400, "BadRequest", f"unable to decode protobuf body: {error}") from error


def _decode_envelope(data: bytes) -> Body:
    if data[:4] != MAGIC:
        raise ValueError("provided data does not appear to be a protobuf message, expected prefix 6b 38 73 00")
    unknown = dict(_wire(data[4:]))
    type_meta = dict(_wire(unknown.get(1, b"")))
    api_version, kind = type_meta.get(1, b"").decode(), type_meta.get(2, b"").decode()
    group, _, version = api_version.rpartition("/")
    message = message_of(group, version, kind)
    if not message:
        raise ValueError(f'no kind "{kind}" is registered for version "{api_version}"')
    body = _message(message, unknown.get(2, b""), 0)
    return {"kind": kind, "apiVersion": api_version, **body}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result, at
        shift += 7
        if shift > 63:
            raise ValueError("varint is too long")


def _wire(data: bytes) -> Iterator[tuple[int, Any]]:
    """(field number, int or bytes) in the order of the wire."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind} is not used by Kubernetes")
        if at + size > end:
            raise ValueError("unexpected end of data")
        yield number, data[at : at + size]
        at += size


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _scalar(kind: str, value: Any) -> Any:
    match kind:
        case "s":
            return value.decode("utf-8")
        case "b":
            return bool(value)
        case "i":
            return _signed(value)
        case "z":
            return (value >> 1) ^ -(value & 1)
        case "y":
            return base64.b64encode(value).decode()
        case "d":
            return struct.unpack("<d" if len(value) == 8 else "<f", value)[0]
    return value


def _time(data: bytes, micro: bool) -> Any:
    parts = dict(_wire(data))
    if not parts:
        return _ABSENT
    moment = _EPOCH + timedelta(seconds=_signed(parts.get(1, 0)))
    if moment.year <= 1:
        return _ABSENT
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{_signed(parts.get(2, 0)) // 1000:06d}Z" if micro else text + "Z"


def _value(kind: str, value: Any, depth: int) -> Any:
    if len(kind) == 1:
        return _scalar(kind, value)
    name = kind.rsplit(".", 1)[1]
    if name == "Time":
        return _time(value, micro=False)
    if name == "MicroTime":
        return _time(value, micro=True)
    if name in ("IntOrString", "Quantity", "RawExtension", "FieldsV1", "Duration"):
        parts = dict(_wire(value))
        if name == "IntOrString":
            return parts.get(3, b"").decode() if parts.get(1) else _signed(parts.get(2, 0))
        if name == "Quantity":
            return parts.get(1, b"0").decode()
        if name == "Duration":
            return f"{_signed(parts.get(1, 0)) / 1e9:g}s"
        return json.loads(parts.get(1) or b"null")
    return _message(kind, value, depth + 1)


def _message(kind: str, data: bytes, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError("message is nested too deeply")
    known = fields(kind)
    if kind.endswith((".ExtraValue", ".Verbs")):
        return [_value(known[1].type, value, depth) for _, value in _wire(data)]
    out: Body = {}
    for number, raw in _wire(data):
        entry = known.get(number)
        if entry is not None:
            _add(out, entry, raw, depth)
    return out


def _add(out: Body, entry: Field, raw: Any, depth: int) -> None:
    if entry.label == MAP:
        pair = dict(_wire(raw))
        empty: Any = b"" if len(entry.type) > 1 or entry.type in "sy" else 0
        out.setdefault(entry.json, {})[pair.get(1, b"").decode()] = _value(entry.type, pair.get(2, empty), depth)
        return
    value = _value(entry.type, raw, depth)
    if entry.label == REPEATED:
        out.setdefault(entry.json, []).append(value)
    elif not entry.json:
        out.update(value or {})
    elif value is not _ABSENT and (entry.keep or value not in ("", 0, False, [])):
        out[entry.json] = value
