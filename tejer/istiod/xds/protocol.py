"""The words of ADS without I/O: requests come in, commands go out. `delta` and `sotw` are the two state machines.

Sources: envoyproxy.io "xDS REST and gRPC protocol"; Istio's pushes in the order CDS, EDS, LDS, RDS. What both keep:
- Versions are content hashes, so a client that reconnects with what it has is sent nothing twice.
- An EDS cluster that was changed needs its endpoints again although they are the same (Envoy warms it anew).
- Clusters are removed after the routes that named them have been replaced; with delta, new ones are in before.

A stream's state is small on purpose (2,000 proxies share one process): what the client has been sent is "everything
it subscribes to in `base`", a mapping shared by all proxies with an equal view.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from tejer.kube.resource import Key

_PREFIX = "type.googleapis.com/"
CDS = _PREFIX + "envoy.config.cluster.v3.Cluster"
EDS = _PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment"
LDS = _PREFIX + "envoy.config.listener.v3.Listener"
RDS = _PREFIX + "envoy.config.route.v3.RouteConfiguration"
SDS = _PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret"
ECDS = _PREFIX + "envoy.config.core.v3.TypedExtensionConfig"

PUSH_ORDER = (CDS, EDS, LDS, RDS, SDS, ECDS)
WILDCARD_TYPES = (CDS, LDS)
"""State-of-the-world types whose response is the whole set: what is missing from it is removed."""
SHORT_NAMES = {CDS: "CDS", EDS: "EDS", LDS: "LDS", RDS: "RDS", SDS: "SDS", ECDS: "ECDS"}


class Resource(Protocol):
    """One Envoy resource as bytes. `version` is its content hash, `sources` the objects it was made from."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def body(self) -> bytes: ...
    @property
    def sources(self) -> tuple[Key, ...]: ...


Resources: TypeAlias = Mapping[str, Resource]
Snapshot: TypeAlias = Mapping[str, Resources]
"""All that one proxy may have: type URL -> name -> resource. Never mutated; equal parts are the same object."""

NOTHING: Resources = {}


class Request(NamedTuple):
    """A client's message. `names` is a state-of-the-world request's whole list; the other lists belong to delta."""

    type_url: str
    nonce: str = ""
    error: str = ""
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    initial_versions: Mapping[str, str] = {}
    names: tuple[str, ...] = ()
    version: str = ""


class Send(NamedTuple):
    """Command: send these resources (and removals) under this nonce."""

    type_url: str
    resources: tuple[Resource, ...]
    removed: tuple[str, ...]
    nonce: str
    version: str = ""


class Rejected(NamedTuple):
    """Command: the client refused `resources`, which came under `nonce` (none: a response without any); tell people."""

    type_url: str
    nonce: str
    message: str
    resources: tuple[Resource, ...]


Command: TypeAlias = Send | Rejected


SHORTEST_TELLING_NAME = 8
"""A name shorter than this ("80") may stand in a message by chance."""


def named_in(message: str, resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """The resources that a client's error message names."""
    return tuple(r for r in resources if len(r.name) >= SHORTEST_TELLING_NAME and r.name in message)


class Sent(NamedTuple):
    """What one response carried, until the client has answered it."""

    resources: tuple[Resource, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(slots=True)
class Watch:
    """What a client subscribes to of one type, and how far it has got. Times are epoch seconds.

    `refusals` are the resources that the client has not taken: name -> (resource, why). A refusal of a response without
    resources has the name "".
    """

    wildcard: bool = False
    names: set[str] = field(default_factory=set)
    base: Resources = field(default_factory=dict)
    in_flight: dict[str, Sent] = field(default_factory=dict)
    refusals: dict[str, tuple[Resource | None, str]] = field(default_factory=dict)
    sent_nonce: str = ""
    acked_nonce: str = ""
    sent_at: float = 0.0
    acked_at: float = 0.0

    def wants(self, name: str) -> bool:
        return self.wildcard or name in self.names

    def subscribed(self, resources: Resources) -> Iterator[Resource]:
        if self.wildcard:
            yield from resources.values()
        else:
            yield from (resources[name] for name in sorted(self.names) if name in resources)

    def note_sent(
        self, nonce: str, resources: tuple[Resource, ...], removed: tuple[str, ...] = (), *, now: float
    ) -> None:
        self.in_flight[nonce] = Sent(resources, removed)
        self.sent_nonce, self.sent_at = nonce, now
        for name in removed:
            self.refusals.pop(name, None)

    def note_ack(self, nonce: str, resources: tuple[Resource, ...], now: float) -> None:
        self.acked_nonce, self.acked_at = nonce, now
        self.refusals.pop("", None)
        for resource in resources:
            self.refusals.pop(resource.name, None)

    def note_refusal(self, request: Request, resources: tuple[Resource, ...]) -> Rejected:
        """The client refused these resources (or a response that carried none)."""
        for resource in resources:
            self.refusals[resource.name] = (resource, request.error)
        if not resources:
            self.refusals[""] = (None, request.error)
        return Rejected(request.type_url, request.nonce, request.error, resources)

    @property
    def error(self) -> str:
        """Why something was refused, "" if nothing is."""
        return "; ".join(dict.fromkeys(why for _, why in self.refusals.values()))

    @property
    def rejected(self) -> tuple[Resource, ...]:
        return tuple(resource for resource, _ in self.refusals.values() if resource is not None)

    @property
    def status(self) -> str:
        """As `istioctl proxy-status` says it."""
        if self.refusals:
            return "ERROR"
        if not self.sent_nonce:
            return "NOT SENT"
        return "STALE" if self.in_flight else "SYNCED"


class Delta(NamedTuple):
    """How to get from one set of resources to another."""

    changed: tuple[Resource, ...]
    removed: tuple[str, ...]


class Differences:
    """Differences between sets of resources, computed once and shared by all streams that make the same step."""

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._known: OrderedDict[tuple[int, int], tuple[Resources, Resources, Delta]] = OrderedDict()

    def between(self, old: Resources, new: Resources) -> Delta:
        key = (id(old), id(new))
        if (known := self._known.get(key)) is not None:  # holding both sets keeps their ids from being reused
            self._known.move_to_end(key)
            return known[2]
        changed = tuple(r for r in new.values() if (was := old.get(r.name)) is None or was.version != r.version)
        delta = Delta(changed, tuple(name for name in old if name not in new))
        self._known[key] = (old, new, delta)
        if len(self._known) > self._size:
            self._known.popitem(last=False)
        return delta


class Stream(Protocol):
    """A state machine for one ADS stream."""

    @property
    def watches(self) -> Mapping[str, Watch]: ...
    @property
    def snapshot(self) -> Snapshot: ...

    def receive(self, request: Request, now: float = 0.0) -> list[Command]:
        """Take a client's message. `now` is in epoch seconds, for people who look at the stream's state."""
        ...

    def push(self, snapshot: Snapshot, now: float = 0.0) -> list[Command]:
        """Bring the client to `snapshot`."""
        ...
