"""Envoy's admin interface as the agent uses it (127.0.0.1:15000)."""

from __future__ import annotations

from typing import NamedTuple

from tejer.envoy import http1

LIVE = 0
_READY_STATS = (
    "server.state",
    "listener_manager.workers_started",
    "cluster_manager.cds.update_success",
    "cluster_manager.cds.update_rejected",
    "listener_manager.lds.update_success",
    "listener_manager.lds.update_rejected",
)


class Readiness(NamedTuple):
    """`ready` or why not, in Istio's words."""

    ready: bool
    reason: str = ""


class Admin:
    """Every method raises OSError when Envoy does not answer."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, port

    def get(self, path: str, timeout: float = 5.0) -> bytes:
        return self._call("GET", path, timeout)

    def post(self, path: str, timeout: float = 5.0) -> bytes:
        return self._call("POST", path, timeout)

    def _call(self, method: str, path: str, timeout: float) -> bytes:
        response = http1.request(method, self.host, self.port, path, timeout=timeout)
        if response.status != 200:
            raise ConnectionError(f"Envoy's admin answered {response.status} to {method} {path}")
        return response.body

    def stats(self, pattern: str) -> dict[str, int]:
        """Counters and gauges whose name matches the regular expression."""
        body = self.get(f"/stats?usedonly&filter={quote(pattern)}").decode()
        values = (line.rpartition(": ") for line in body.splitlines())
        return {name: int(value) for name, _, value in values if value.isdigit()}

    def readiness(self) -> Readiness:
        """Envoy is LIVE, its workers run, and it got clusters and listeners (pilot-agent/status/ready/probe.go)."""
        names = "|".join(name.replace(".", r"\.") for name in _READY_STATS)
        return judge_readiness(self.stats(f"^({names})$"))

    def active_connections(self) -> int:
        """Open downstream connections, not counting those of the admin, health, metrics and agent listeners."""
        stats = self.stats(r"^listener\..*\.downstream_cx_active$")
        own = ("admin", "15021", "15090", "15020")
        return sum(value for name, value in stats.items() if not any(part in name for part in own))

    def drain(self, *, inbound_only: bool) -> None:
        self.post("/drain_listeners?inboundonly&graceful" if inbound_only else "/drain_listeners?graceful")


def judge_readiness(stats: dict[str, int]) -> Readiness:
    def updated(kind: str) -> bool:
        return bool(stats.get(f"{kind}.update_success") or stats.get(f"{kind}.update_rejected"))

    clusters, listeners = updated("cluster_manager.cds"), updated("listener_manager.lds")
    if not clusters or not listeners:
        missing = f"cds updates: {int(clusters)}, lds updates: {int(listeners)}"
        return Readiness(False, f"config not received from XDS server (is Istiod running?): {missing}")
    if stats.get("listener_manager.workers_started") != 1:
        return Readiness(False, "workers have not yet started")
    if stats.get("server.state", LIVE) != LIVE:
        return Readiness(False, f"server is not live, current state is: {stats['server.state']}")
    return Readiness(True)


def quote(text: str) -> str:
    """Percent-encode a query value; `urllib.parse` would be another 2 MB for this."""
    safe = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
    return "".join(chr(byte) if byte in safe else f"%{byte:02X}" for byte in text.encode())
