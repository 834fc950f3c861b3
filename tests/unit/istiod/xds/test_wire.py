"""Responses joined from bytes parse as the messages they stand for."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tejer.envoy.proto import Any as AnyMessage
from tejer.envoy.proto import DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse
from tejer.istiod.xds import wire
from tejer.istiod.xds.protocol import CDS, Send
from tejer.kube.resource import Key


class Piece(msgspec.Struct, frozen=True):
    name: str
    version: str
    body: bytes = b""
    sources: tuple[Key, ...] = ()


_PIECES = st.lists(st.builds(Piece, name=st.text(max_size=300), version=st.text(max_size=20), body=st.binary()))


@settings(deadline=None)
@given(_PIECES, st.lists(st.text()))
def test_delta_responses(pieces: list[Piece], removed: list[str]) -> None:
    encoder = wire.Encoder("istiod-0", "1.28.0")
    send = Send(CDS, tuple(pieces), tuple(removed), "7")
    for _ in range(2):  # the second comes from the memory of recent ones
        message = DeltaDiscoveryResponse.FromString(encoder.delta(send))
        assert (message.type_url, message.nonce, list(message.removed_resources)) == (CDS, "7", removed)
        assert json.loads(message.control_plane.identifier)["ID"] == "istiod-0"
        assert [(r.name, r.version, r.resource.type_url, r.resource.value) for r in message.resources] == [
            (p.name, p.version, CDS, p.body) for p in pieces
        ]


@settings(deadline=None)
@given(_PIECES)
def test_state_of_the_world_responses(pieces: list[Piece]) -> None:
    send = Send(CDS, tuple(pieces), (), "7", "v1")
    message = DiscoveryResponse.FromString(wire.Encoder("istiod-0", "1.28.0").sotw(send))
    assert (message.type_url, message.nonce, message.version_info) == (CDS, "7", "v1")
    assert list(message.resources) == [AnyMessage(type_url=CDS, value=p.body) for p in pieces]


def test_what_is_kept_for_the_next_proxy_is_bounded() -> None:
    encoder = wire.Encoder("istiod-0", "1.28.0")
    sends = [Send(CDS, (Piece(str(n), "1", bytes(1 << 20)),), (), "1") for n in range(12)]
    for send in sends:
        encoder.delta(send)
    assert encoder._held <= wire.SHARED_BYTES


def test_requests_are_read() -> None:
    message = DeltaDiscoveryRequest(
        type_url=CDS, response_nonce="3", resource_names_subscribe=["a"], resource_names_unsubscribe=["b"],
        initial_resource_versions={"c": "1"},
    )  # fmt: skip
    message.error_detail.message = "no"
    request = wire.delta_request(message)
    assert (request.type_url, request.nonce, request.error) == (CDS, "3", "no")
    assert (request.subscribe, request.unsubscribe, request.initial_versions) == (("a",), ("b",), {"c": "1"})
    silent = DiscoveryRequest(type_url=CDS, resource_names=["a"], version_info="v")
    silent.error_detail.code = 13
    request = wire.sotw_request(silent)
    assert (request.names, request.version, request.error) == (("a",), "v", "error code 13")
