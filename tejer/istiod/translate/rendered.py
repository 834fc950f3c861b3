"""`Rendered`: a proxy's configuration as bytes named by their hash, and `Memo`, which makes each only once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple, TypeVar

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


class Broken(ValueError):
    """A part of a resource that could not be made; the rest of it was. `sources` are the part's objects."""

    def __init__(self, error: Exception, sources: tuple[Key, ...]) -> None:
        super().__init__(str(error))
        self.sources = sources


class _Held(NamedTuple):
    inputs: Any
    made: Any
    errors: tuple[Exception, ...]


class Memo:
    """Results by key, each held with all that it was made from: an equal input gives the same bytes again.

    A builder that raises leaves the last good result in place. Its error, and those of parts that it reports as
    `Broken`, go to `on_error` each time the result is asked for.
    """

    def __init__(self) -> None:
        self._held: dict[Hashable, _Held] = {}
        self._used: set[Hashable] = set()
        self._errors: list[list[Exception]] = []

    def get(self, key: Hashable, inputs: Any, build: Callable[[], T], on_error: ErrorSink) -> T | None:
        """`inputs` is everything that `build` reads. None when it failed and never succeeded before."""
        self._used.add(key)
        held = self._held.get(key)
        if held is None or held.inputs != inputs:
            held = self._held[key] = self._make(inputs, build, held)
        for error in held.errors:
            on_error(error)
        return held.made  # type: ignore[no-any-return]

    def _make(self, inputs: Any, build: Callable[[], Any], last: _Held | None) -> _Held:
        errors: list[Exception] = []
        self._errors.append(errors)
        try:
            made = build()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            errors.append(error)
            made = last.made if last else None
        finally:
            self._errors.pop()
        return _Held(inputs, made, tuple(errors))

    def broken(self, error: Exception, sources: tuple[Key, ...]) -> None:
        """Called by a builder: a part is left out because of `error`."""
        if self._errors:
            self._errors[-1].append(Broken(error, sources))

    def sweep(self) -> None:
        """Forget what nobody has asked for since the last sweep; it is made again when it is asked for."""
        self._held = {key: value for key, value in self._held.items() if key in self._used}
        self._used.clear()

    def __len__(self) -> int:
        return len(self._held)
