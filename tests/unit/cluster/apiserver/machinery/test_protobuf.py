"""Protobuf bodies: an encoder made from the same table must round-trip, and garbage must be refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tejer.cluster.apiserver.machinery.gotypes import MAP, REPEATED, by_json_name, fields, message_of
from tejer.cluster.apiserver.machinery.protobuf import MAGIC, decode_protobuf
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

GOLDEN = Path(__file__).parents[4] / "golden/kubernetes/protobuf"


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def delimited(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def encode_value(number: int, kind: str, value: Any) -> bytes:
    if kind == "s":
        return delimited(number, value.encode())
    if kind == "y":
        return delimited(number, base64.b64decode(value))
    if kind in "bi":
        return varint(number << 3) + varint(int(value))
    if kind.endswith("IntOrString"):
        as_text = isinstance(value, str)
        inner = varint(1 << 3) + varint(int(as_text))
        inner += delimited(3, value.encode()) if as_text else varint(2 << 3) + varint(value)
        return delimited(number, inner)
    if kind.endswith("Quantity"):
        return delimited(number, delimited(1, value.encode()))
    return delimited(number, encode(kind, value))


def encode(message: str, body: Body) -> bytes:
    out = b""
    for number, entry in fields(message).items():
        if not entry.json:  # an inlined struct: its fields stand in the same JSON object
            inner = {key: value for key, value in body.items() if key in by_json_name(entry.type)}
            out += delimited(number, encode(entry.type, inner)) if inner else b""
        elif entry.json in body:
            value = body[entry.json]
            if entry.label == MAP:
                pairs = [delimited(1, k.encode()) + encode_value(2, entry.type, v) for k, v in value.items()]
                out += b"".join(delimited(number, pair) for pair in pairs)
            elif entry.label == REPEATED:
                out += b"".join(encode_value(number, entry.type, item) for item in value)
            else:
                out += encode_value(number, entry.type, value)
    return out


def envelope(body: Body) -> bytes:
    group, _, version = body["apiVersion"].rpartition("/")
    inner = encode(message_of(group, version, body["kind"]), body)
    type_meta = delimited(1, body["apiVersion"].encode()) + delimited(2, body["kind"].encode())
    return MAGIC + delimited(1, type_meta) + delimited(2, inner)


def test_a_deployment_round_trips() -> None:
    probe = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 3}
    container: Body = {
        "name": "a", "image": "b", "env": [{"name": "E", "value": "1"}], "readinessProbe": probe,
        "resources": {"limits": {"cpu": "100m"}}, "ports": [{"containerPort": 80}],
    }  # fmt: skip
    body: Body = {
        "kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web", "labels": {"a": "b"}},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}},
            "strategy": {"rollingUpdate": {"maxSurge": "25%"}},
        },
    }  # fmt: skip
    assert decode_protobuf(envelope(body)) == body


names = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8)


@given(st.dictionaries(names, names, min_size=1, max_size=4), st.binary(max_size=20), names)
def test_maps_and_bytes_round_trip(data: dict[str, str], blob: bytes, name: str) -> None:
    encoded = base64.b64encode(blob).decode()
    config: Body = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name}, "data": data}
    assert decode_protobuf(envelope(config)) == config
    secret: Body = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}, "data": {"k": encoded}}
    assert decode_protobuf(envelope(secret)) == secret


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.pb")), ids=lambda path: path.stem)
def test_what_kubectl_1_33_sends(path: Path) -> None:
    """Request bodies captured from `kubectl create` and `kubectl auth`."""
    wanted = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert decode_protobuf(path.read_bytes()) == wanted


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", MAGIC, MAGIC + b"\xff" * 20, MAGIC + delimited(1, delimited(1, b"v1") + delimited(2, b"Nothing"))],
)
def test_garbage_is_a_bad_request(data: bytes) -> None:
    with pytest.raises(ApiError) as error:
        decode_protobuf(data)
    assert error.value.code == 400


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_decoder(data: bytes) -> None:
    head = delimited(1, delimited(1, b"v1") + delimited(2, b"Pod"))
    try:
        decode_protobuf(MAGIC + head + delimited(2, data))
    except ApiError as error:
        assert error.code == 400
