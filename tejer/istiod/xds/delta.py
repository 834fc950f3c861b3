"""`DeltaStream`: the incremental variant (DeltaAggregatedResources), which our proxies speak.

Make before break: routes and listeners that may name a new cluster are held until the client has answered for it.
Envoy asks for the endpoints of a new cluster before it acknowledges it, so by then they have been sent too; without the
wait its routes would answer 503 until the cluster is warm.
"""

from __future__ import annotations

from collections.abc import Iterable

from tejer.istiod.xds.protocol import (
    CDS,
    EDS,
    NOTHING,
    PUSH_ORDER,
    Command,
    Differences,
    Request,
    Resource,
    Send,
    Snapshot,
    Watch,
    named_in,
)

WILDCARD = "*"


class DeltaStream:
    """One client's stream. `snapshot` is what the proxy should have; `push` replaces it."""

    def __init__(self, snapshot: Snapshot, differences: Differences) -> None:
        self.snapshot, self.differences = snapshot, differences
        self.watches: dict[str, Watch] = {}
        self._resend: set[str] = set()  # changed clusters whose endpoints the client has not asked for yet
        self._held = False  # new clusters are on their way: what names them waits until the client has taken them
        self._gone: dict[str, None] = {}  # clusters to remove once nothing names them
        self._nonces = 0
        self._now = 0.0

    def receive(self, request: Request, now: float = 0.0) -> list[Command]:
        self._now = now
        watch = self.watches.get(request.type_url)
        if watch is None:
            return self._first(request)
        commands = self._answer(watch, request)
        if request.subscribe or request.unsubscribe:
            commands += self._subscription(watch, request)
        return commands

    def push(self, snapshot: Snapshot, now: float = 0.0) -> list[Command]:
        self.snapshot, self._now = snapshot, now
        commands = self._replace((CDS, EDS))
        return commands if self._held else commands + self._followers()

    def _replace(self, type_urls: Iterable[str]) -> list[Command]:
        """Bring these types to the snapshot; removed clusters are only noted."""
        commands: list[Command] = []
        for type_url in type_urls:
            if (watch := self.watches.get(type_url)) is None:
                continue
            changed, removed = self._step(type_url, watch)
            if type_url == CDS:
                self._held = self._held or any(r.name not in watch.base for r in changed)
                self._gone |= dict.fromkeys(removed)
                removed = ()
            watch.base = self.snapshot.get(type_url, NOTHING)
            if changed or removed:
                commands.append(self._send(type_url, watch, changed, removed))
        return commands

    def _followers(self) -> list[Command]:
        """What names clusters, then the removal of clusters that nothing names any more."""
        self._held = False
        commands = self._replace(t for t in dict.fromkeys((*PUSH_ORDER, *self.watches)) if t not in (CDS, EDS))
        watch = self.watches.get(CDS)
        gone = tuple(name for name in self._gone if watch and name not in watch.base)
        self._gone = {}
        if watch and gone:
            commands.append(self._send(CDS, watch, (), gone))
        return commands

    def _step(self, type_url: str, watch: Watch) -> tuple[tuple[Resource, ...], tuple[str, ...]]:
        """What of `type_url` the client must be sent for the current snapshot."""
        new = self.snapshot.get(type_url, NOTHING)
        changed, removed = (), ()  # type: tuple[Resource, ...], tuple[str, ...]
        if new is not watch.base:
            changed, removed = self.differences.between(watch.base, new)
            if not watch.wildcard:
                changed = tuple(r for r in changed if r.name in watch.names)
                removed = tuple(name for name in removed if name in watch.names)
        if type_url == EDS and self._resend:
            again = {r.name for r in changed}
            due = sorted(n for n in self._resend if watch.wants(n) and n in new and n not in again)
            changed += tuple(new[name] for name in due)
        return changed, removed

    def _first(self, request: Request) -> list[Command]:
        """The first request of a type: no names (or "*") means everything."""
        names = set(request.subscribe)
        watch = Watch(wildcard=not names or WILDCARD in names, names=names - {WILDCARD})
        self.watches[request.type_url] = watch
        watch.base = self.snapshot.get(request.type_url, NOTHING)
        had = request.initial_versions
        # Endpoints of a cluster that was changed on this stream go out even if the client has them.
        due = self._resend if request.type_url == EDS else ()
        send = tuple(r for r in watch.subscribed(watch.base) if had.get(r.name) != r.version or r.name in due)
        wanted = {*had, *watch.names} if watch.wildcard else watch.names
        removed = tuple(sorted(name for name in wanted if name not in watch.base))
        if not (send or removed or (watch.wildcard and not had)):
            return []
        return [self._send(request.type_url, watch, send, removed)]

    def _answer(self, watch: Watch, request: Request) -> list[Command]:
        """Take an ACK or NACK. Answers to responses we don't know (or answered before) are ignored."""
        if not request.nonce or request.nonce not in watch.in_flight:
            return []
        sent = watch.in_flight.pop(request.nonce)
        commands: list[Command] = []
        if request.error:
            commands = self._refusal(watch, request, sent.resources)
            gone = tuple(name for name in sent.removed if name not in watch.base)
            if gone and sent.resources:  # they were in what was refused
                commands.append(self._send(request.type_url, watch, (), gone))
        else:
            watch.note_ack(request.nonce, sent.resources, self._now)
        if request.type_url == CDS and self._held and not watch.in_flight:
            commands += self._followers()
        return commands

    def _refusal(self, watch: Watch, request: Request, resources: tuple[Resource, ...]) -> list[Command]:
        """Some errors make Envoy refuse a whole response because of one resource that it doesn't name.

        Then halves are sent until the resource is found and all others are in.
        """
        culprits = named_in(request.error, resources)
        current = tuple(r for r in resources if watch.base.get(r.name) == r and watch.wants(r.name))
        if culprits or len(resources) <= 1 or not current:
            return [watch.note_refusal(request, culprits or resources)]
        middle = (len(current) + 1) // 2
        return [self._send(request.type_url, watch, half, ()) for half in (current[:middle], current[middle:]) if half]

    def _subscription(self, watch: Watch, request: Request) -> list[Command]:
        """Names asked for are always answered (the client may have dropped them); unknown ones as removed."""
        if WILDCARD in request.unsubscribe:
            watch.wildcard = False
        watch.names.difference_update(request.unsubscribe)
        for name in request.unsubscribe:
            watch.refusals.pop(name, None)
        asked = dict.fromkeys(name for name in request.subscribe if name != WILDCARD)
        watch.names.update(asked)
        if WILDCARD in request.subscribe and not watch.wildcard:
            watch.wildcard = True
            asked |= dict.fromkeys(watch.base)
        elif watch.wildcard:
            # Dropped by name, but still wanted by the wildcard: the protocol wants it sent again.
            asked |= dict.fromkeys(name for name in request.unsubscribe if name in watch.base)
        if not asked:
            return []
        send = tuple(watch.base[name] for name in asked if name in watch.base)
        removed = tuple(name for name in asked if name not in watch.base)
        return [self._send(request.type_url, watch, send, removed)]

    def _send(self, type_url: str, watch: Watch, resources: tuple[Resource, ...], removed: tuple[str, ...]) -> Send:
        self._nonces += 1
        nonce = f"{self._nonces:x}"
        watch.note_sent(nonce, resources, removed, now=self._now)
        if type_url == CDS:
            endpoints = self.snapshot.get(EDS, NOTHING)
            self._resend.update(r.name for r in resources if r.name in endpoints)
            self._resend.difference_update(removed)
        elif type_url == EDS:
            self._resend.difference_update(r.name for r in resources)
        return Send(type_url, resources, removed, nonce)
