"""Whatever happens in between, a client ends with what it should have: random histories against a model client.

Both variants, reconnections, subscriptions that come and go, answers that come late, resources that are refused. The
model client keeps what Envoy keeps: resources by name, the old one where a new one is refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tejer.istiod.xds.delta import DeltaStream
from tejer.istiod.xds.protocol import (
    CDS,
    EDS,
    LDS,
    WILDCARD_TYPES,
    Command,
    Differences,
    Request,
    Send,
    Snapshot,
)
from tejer.istiod.xds.sotw import SotwStream
from tejer.kube.resource import Key

BAD = "9"  # a version that the client refuses


class Piece(msgspec.Struct, frozen=True):
    name: str
    version: str
    body: bytes = b""
    sources: tuple[Key, ...] = ()


class Client:
    """Subscribes to all clusters and listeners, and to the endpoints in `names`; answers when told to."""

    def __init__(self, delta: bool) -> None:
        self.delta = delta
        self.held: dict[str, dict[str, str]] = {CDS: {}, EDS: {}, LDS: {}}
        self.names: set[str] = set()
        self.unanswered: deque[Send] = deque()
        self.last: dict[str, str] = {}

    def connect(self) -> list[Request]:
        """The first requests of a new stream."""
        self.unanswered.clear()
        self.last.clear()
        first = [Request(CDS, initial_versions=dict(self.held[CDS])), Request(LDS, initial_versions=self.held[LDS])]
        return first + ([self._endpoints("")] if self.names else [])

    def subscribe(self, names: set[str], stream_is_new: bool) -> list[Request]:
        added, gone = names - self.names, self.names - names
        self.names = names
        for name in gone:
            self.held[EDS].pop(name, None)
        if stream_is_new or not (added or gone):
            return []
        if self.delta:
            return [Request(EDS, subscribe=tuple(sorted(added)), unsubscribe=tuple(sorted(gone)))]
        return [self._endpoints(self.last.get(EDS, ""))]

    def _endpoints(self, nonce: str) -> Request:
        names = tuple(sorted(self.names))
        if self.delta:
            return Request(EDS, subscribe=names, initial_versions=dict(self.held[EDS]))
        return Request(EDS, nonce=nonce, names=names)

    def answer(self) -> Request:
        """Take the oldest response: all of it, or, as Envoy does with some errors, nothing of it."""
        send = self.unanswered.popleft()
        self.last[send.type_url] = send.nonce
        held, names = self.held[send.type_url], tuple(sorted(self.names)) if send.type_url == EDS else ()
        if any(resource.version == BAD for resource in send.resources):
            return Request(send.type_url, send.nonce, "something is wrong", names=names)
        if not self.delta and send.type_url in WILDCARD_TYPES:
            held.clear()
        for resource in send.resources:
            if send.type_url != EDS or resource.name in self.names:
                held[resource.name] = resource.version
        for name in send.removed:
            held.pop(name, None)
        return Request(send.type_url, send.nonce, names=names)


class Step(NamedTuple):
    kind: str
    snapshot: dict[str, dict[str, str]]
    names: frozenset[str]


_NAMES = ["alpha", "beta", "gamma"]


def _resources(versions: list[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from(_NAMES), st.sampled_from(versions), max_size=3)


def _steps(versions: list[str]) -> st.SearchStrategy[list[Step]]:
    snapshots = st.fixed_dictionaries({CDS: _resources(versions), EDS: _resources(["1", "2"]), LDS: _resources(["1"])})
    kinds = st.sampled_from(["push", "push", "answer", "answer", "subscribe", "reconnect"])
    names = st.frozensets(st.sampled_from(_NAMES))
    return st.lists(st.builds(Step, kinds, snapshots, names), max_size=25)


def _snapshot(text: dict[str, dict[str, str]]) -> Snapshot:
    return {url: {name: Piece(name, version) for name, version in found.items()} for url, found in text.items()}


def _run(steps: list[Step], *, delta: bool) -> tuple[Client, Snapshot]:
    make: Callable[[Snapshot, Differences], DeltaStream | SotwStream] = DeltaStream if delta else SotwStream
    differences, client = Differences(), Client(delta)
    wanted: Snapshot = _snapshot({})
    stream = make(wanted, differences)

    def take(commands: list[Command]) -> None:
        client.unanswered.extend(command for command in commands if isinstance(command, Send))

    def ask(requests: list[Request]) -> None:
        for request in requests:
            take(stream.receive(request))

    ask(client.connect())
    for step in [*steps, Step("subscribe", {}, frozenset(_NAMES))]:
        if step.kind == "push":
            wanted = _snapshot(step.snapshot)
            take(stream.push(wanted))
        elif step.kind == "answer" and client.unanswered:
            ask([client.answer()])
        elif step.kind == "subscribe":
            new = not client.names
            requests = client.subscribe(set(step.names), new)
            ask(requests or ([client._endpoints("")] if new and client.names and EDS not in stream.watches else []))
            if new and client.names and EDS in stream.watches and not requests:
                ask([Request(EDS, client.last.get(EDS, ""), subscribe=tuple(client.names), names=tuple(client.names))])
        elif step.kind == "reconnect":
            stream = make(wanted, differences)
            ask(client.connect())
    while client.unanswered:
        ask([client.answer()])
    return client, wanted


def _expected(wanted: Snapshot) -> dict[str, dict[str, str]]:
    return {url: {name: r.version for name, r in wanted.get(url, {}).items()} for url in (CDS, EDS, LDS)}


@settings(deadline=None, max_examples=100)
@given(_steps(["1", "2", "3"]))
def test_delta_converges(steps: list[Step]) -> None:
    client, wanted = _run(steps, delta=True)
    assert client.held == _expected(wanted)


@settings(deadline=None, max_examples=100)
@given(_steps(["1", "2", BAD]))
def test_delta_converges_around_what_is_refused(steps: list[Step]) -> None:
    client, wanted = _run(steps, delta=True)
    for url, resources in _expected(wanted).items():
        good = {name: version for name, version in resources.items() if version != BAD}
        held = {name: version for name, version in client.held[url].items() if name in good}
        assert held == good
        assert set(client.held[url]) <= set(resources), "what is gone is removed"


@settings(deadline=None, max_examples=100)
@given(_steps(["1", "2", "3"]))
def test_state_of_the_world_converges(steps: list[Step]) -> None:
    client, wanted = _run(steps, delta=False)
    expected = _expected(wanted)
    assert client.held[CDS] == expected[CDS] and client.held[LDS] == expected[LDS]
    # Endpoints are only removed with their clusters in this variant: those that exist must be the newest.
    for name, version in expected[EDS].items():
        assert client.held[EDS].get(name) == version
