"""Between ADS messages and `protocol`'s words. Responses are joined from bytes, never built as messages.

Protobuf fields may come in any order, so a response is its small head (nonce, removals) followed by the resources,
whose bytes are shared by every proxy that is sent the same ones.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Final

from tejer.envoy.proto import ControlPlane, DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest
from tejer.envoy.proto import DiscoveryResponse as SotwResponse
from tejer.istiod.xds.protocol import Request, Resource, Send

SHARED_BYTES = 8 << 20
"""How much of recently sent resources is kept, encoded, for the next proxy (an idle istiod keeps no more than this)."""
_TAG_1, _TAG_2, _TAG_3 = b"\x0a", b"\x12", b"\x1a"  # length-delimited fields 1, 2, 3
MAX_ERROR: Final = 2000


def delta_request(message: DeltaDiscoveryRequest) -> Request:
    return Request(
        message.type_url,
        message.response_nonce,
        _error(message),
        subscribe=tuple(message.resource_names_subscribe),
        unsubscribe=tuple(message.resource_names_unsubscribe),
        initial_versions=dict(message.initial_resource_versions),
    )


def sotw_request(message: DiscoveryRequest) -> Request:
    return Request(
        message.type_url,
        message.response_nonce,
        _error(message),
        names=tuple(message.resource_names),
        version=message.version_info,
    )


def _error(message: DeltaDiscoveryRequest | DiscoveryRequest) -> str:
    """The text of a NACK; a NACK without text is still one."""
    if not message.HasField("error_detail"):
        return ""
    return message.error_detail.message[:MAX_ERROR] or f"error code {message.error_detail.code}"


class Encoder:
    """Turns `Send` into bytes. `identifier` names this istiod in every response (Istio's JSON, read by istioctl)."""

    def __init__(self, pod: str, version: str) -> None:
        info = {"Component": "istiod", "ID": pod, "Info": {"version": version}}
        self._control_plane = ControlPlane(identifier=json.dumps(info, separators=(",", ":")))
        self._entries: OrderedDict[tuple[bool, int], tuple[Resource, bytes]] = OrderedDict()
        self._held = 0

    def delta(self, send: Send) -> bytes:
        head = DeltaDiscoveryResponse(
            type_url=send.type_url, nonce=send.nonce, removed_resources=send.removed, control_plane=self._control_plane
        )
        return head.SerializeToString() + self._resources(send, delta=True)

    def sotw(self, send: Send) -> bytes:
        head = SotwResponse(
            type_url=send.type_url, nonce=send.nonce, version_info=send.version, control_plane=self._control_plane
        )
        return head.SerializeToString() + self._resources(send, delta=False)

    def _resources(self, send: Send, *, delta: bool) -> bytes:
        return b"".join([self._entry(send.type_url, resource, delta) for resource in send.resources])

    def _entry(self, type_url: str, resource: Resource, delta: bool) -> bytes:
        """Proxies share resources as objects, so what is encoded for one is found by identity for the next."""
        key = (delta, id(resource))
        if (known := self._entries.get(key)) is not None:  # the resource is held, so its id is not reused
            self._entries.move_to_end(key)
            return known[1]
        encoded = (delta_entry if delta else sotw_entry)(type_url, resource)
        if len(encoded) <= SHARED_BYTES // 2:
            self._entries[key] = (resource, encoded)
            self._held += len(encoded)
            while self._held > SHARED_BYTES:
                self._held -= len(self._entries.popitem(last=False)[1][1])
        return encoded


def delta_entry(type_url: str, resource: Resource) -> bytes:
    """Field 2 of DeltaDiscoveryResponse: Resource{version = 1, resource = 2, name = 3}."""
    body = (
        _field(_TAG_1, resource.version.encode())
        + _field(_TAG_2, _any(type_url, resource.body))
        + _field(_TAG_3, resource.name.encode())
    )
    return _field(_TAG_2, body)


def sotw_entry(type_url: str, resource: Resource) -> bytes:
    """Field 2 of DiscoveryResponse: Any."""
    return _field(_TAG_2, _any(type_url, resource.body))


def _any(type_url: str, value: bytes) -> bytes:
    return _field(_TAG_1, type_url.encode()) + _field(_TAG_2, value)


def _field(tag: bytes, value: bytes) -> bytes:
    return tag + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
