"""`SotwStream`: the state-of-the-world variant (StreamAggregatedResources), for proxies and tools that speak no delta.

Each response carries a type's whole subscribed set for CDS and LDS (what is missing is removed), and only what changed
for the rest. A version is a hash over the versions of what was sent.
"""

from __future__ import annotations

import hashlib

from tejer.istiod.xds.protocol import (
    CDS,
    EDS,
    NOTHING,
    PUSH_ORDER,
    WILDCARD_TYPES,
    Command,
    Differences,
    Request,
    Resource,
    Send,
    Sent,
    Snapshot,
    Watch,
    named_in,
)


class SotwStream:
    """One client's stream. `snapshot` is what the proxy should have; `push` replaces it."""

    def __init__(self, snapshot: Snapshot, differences: Differences) -> None:
        self.snapshot, self.differences = snapshot, differences
        self.watches: dict[str, Watch] = {}
        self._nonces = 0
        self._now = 0.0

    def receive(self, request: Request, now: float = 0.0) -> list[Command]:
        self._now = now
        watch = self.watches.get(request.type_url)
        if watch is None or not request.nonce:
            return self._first(request)
        if request.nonce != watch.sent_nonce:
            return []  # an answer to an older response: the client will answer the newer one too
        repeated = request.nonce not in watch.in_flight
        resources = watch.in_flight.pop(request.nonce, Sent()).resources
        if request.error:
            return [watch.note_refusal(request, named_in(request.error, resources) or resources)]
        watch.note_ack(request.nonce, resources, self._now)
        return self._names(watch, request, repeated=repeated)

    def push(self, snapshot: Snapshot, now: float = 0.0) -> list[Command]:
        self.snapshot, self._now = snapshot, now
        commands: list[Command] = []
        touched: set[str] = set()  # changed clusters: their endpoints follow
        for type_url in (*PUSH_ORDER, *(t for t in self.watches if t not in PUSH_ORDER)):
            watch = self.watches.get(type_url)
            if watch is None:
                continue
            new = snapshot.get(type_url, NOTHING)
            old, watch.base = watch.base, new
            changed, removed = self.differences.between(old, new) if new is not old else ((), ())
            changed = tuple(r for r in changed if watch.wants(r.name))
            if type_url == CDS:
                touched = {r.name for r in changed}
            elif type_url == EDS and touched:
                sent = {r.name for r in changed}
                changed += tuple(r for r in watch.subscribed(new) if r.name in touched - sent)
            if type_url in WILDCARD_TYPES and (changed or any(watch.wants(name) for name in removed)):
                commands.append(self._send(type_url, watch, tuple(watch.subscribed(new))))
            elif changed:
                commands.append(self._send(type_url, watch, changed))
        return commands

    def _first(self, request: Request) -> list[Command]:
        """A request without nonce: the client has no response yet. One may be under way, so its nonce still counts."""
        names = set(request.names) - {"*"}
        watch = self.watches.setdefault(request.type_url, Watch())
        watch.wildcard = not names and (request.type_url in WILDCARD_TYPES or "*" in request.names)
        watch.names = names
        watch.base = self.snapshot.get(request.type_url, NOTHING)
        send = tuple(watch.subscribed(watch.base))
        if not send and not watch.wildcard:
            return []  # nothing yet: it is sent when it exists
        return [self._send(request.type_url, watch, send)]

    def _names(self, watch: Watch, request: Request, *, repeated: bool) -> list[Command]:
        """An accepted response, perhaps with a new list of names; a repeated one asks for endpoints again."""
        if watch.wildcard:
            return []
        names = set(request.names)
        added = names - watch.names
        watch.names = names
        again = names if repeated and not added and request.type_url == EDS else added
        if request.type_url in WILDCARD_TYPES and added:
            again = names
        send = tuple(watch.base[name] for name in sorted(again) if name in watch.base)
        return [self._send(request.type_url, watch, send)] if send else []

    def _send(self, type_url: str, watch: Watch, resources: tuple[Resource, ...]) -> Send:
        self._nonces += 1
        nonce = f"{self._nonces:x}"
        watch.in_flight.clear()  # only the newest response's answer counts
        watch.note_sent(nonce, resources, now=self._now)
        versions = "".join(sorted(f"{r.name}={r.version};" for r in watch.subscribed(watch.base)))
        return Send(type_url, resources, (), nonce, hashlib.sha256(versions.encode()).hexdigest()[:16])
