"""Which hosts a Gateway's server and a VirtualService have in common. `istio.md` G6."""

from __future__ import annotations

from collections.abc import Iterable

from tejer.istiod.model.gateway import GatewayServer
from tejer.istiod.model.hosts import matches


def server_hosts(server: GatewayServer, namespace: str) -> tuple[str, ...]:
    """The server's hosts that a VirtualService of `namespace` may use."""
    return tuple(host for where, host in server.hosts if where in ("*", namespace))


def intersection(ours: Iterable[str], theirs: Iterable[str]) -> tuple[str, ...]:
    """Of each pair that overlaps the narrower one, in the order of `ours`."""
    theirs = tuple(theirs)
    found: dict[str, None] = {}
    for a in ours:
        for b in theirs:
            if matches(a, b):
                found[b] = None
            elif matches(b, a):
                found[a] = None
    return tuple(found)
