"""`Rendered`: a proxy's configuration as bytes named by their hash, and `Memo`, which makes each only once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

import msgspec
from google.protobuf.message import Message

from tejer.envoy.proto import any_bytes
from tejer.kube.problem import Problem
from tejer.kube.resource import Key

T = TypeVar("T")
ErrorSink = Callable[[Exception], None]

_PREFIX = "type.googleapis.com/envoy"
CLUSTER = f"{_PREFIX}.config.cluster.v3.Cluster"
ENDPOINT = f"{_PREFIX}.config.endpoint.v3.ClusterLoadAssignment"
LISTENER = f"{_PREFIX}.config.listener.v3.Listener"
ROUTE = f"{_PREFIX}.config.route.v3.RouteConfiguration"
SECRET = f"{_PREFIX}.extensions.transport_sockets.tls.v3.Secret"
TYPE_URLS = (CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET)


class RenderedResource(msgspec.Struct, frozen=True):
    """`body` is the serialized message (an Any's value), `version` a hash of it, `sources` the objects it came from."""

    name: str
    version: str
    body: bytes
    sources: tuple[Key, ...] = ()

    def __repr__(self) -> str:
        return f"RenderedResource({self.name!r}, {self.version}, {len(self.body)} bytes)"


class Rendered(msgspec.Struct, frozen=True):
    """Everything for one view: `resources[type_url][name]`. `problems` is what could not be translated."""

    resources: dict[str, dict[str, RenderedResource]]
    problems: tuple[Problem, ...] = ()

    def of(self, type_url: str) -> dict[str, RenderedResource]:
        return self.resources.get(type_url, {})


def resource(name: str, body: bytes, sources: Iterable[Key] = ()) -> RenderedResource:
    version = hashlib.blake2b(body, digest_size=8).hexdigest()
    return RenderedResource(name, version, body, tuple(dict.fromkeys(sources)))


def from_message(name: str, message: Message, sources: Iterable[Key] = ()) -> RenderedResource:
    return resource(name, any_bytes(message), sources)


class Memo:
    """Results by key, each held with all that it was made from: an equal input gives the same bytes again.

    A builder that raises leaves the last good result in place; the error goes to `on_error`.
    """

    def __init__(self) -> None:
        self._held: dict[Hashable, tuple[Any, Any]] = {}
        self._used: set[Hashable] = set()

    def get(self, key: Hashable, inputs: Any, build: Callable[[], T], on_error: ErrorSink) -> T | None:
        """`inputs` is everything that `build` reads. None when it failed and never succeeded before."""
        self._used.add(key)
        held = self._held.get(key)
        if held is not None and held[0] == inputs:
            return held[1]  # type: ignore[no-any-return]
        try:
            made = build()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            on_error(error)
            return held[1] if held else None
        self._held[key] = (inputs, made)
        return made

    def sweep(self) -> None:
        """Forget what nobody has asked for since the last sweep; it is made again when it is asked for."""
        self._held = {key: value for key, value in self._held.items() if key in self._used}
        self._used.clear()

    def __len__(self) -> int:
        return len(self._held)
