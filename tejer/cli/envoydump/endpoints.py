"""`proxy-config endpoints`: the addresses behind each cluster and their health, from /clusters?format=json."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tejer.cli.envoydump.dump import Dump, Json, address

HEADER = ("ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER")


class Filter(NamedTuple):
    """Empty fields let everything through."""

    address: str = ""
    port: int = 0
    cluster: str = ""
    status: str = ""


class Endpoint(NamedTuple):
    host: str
    port: int
    status: str
    outlier: str
    cluster: str

    @property
    def row(self) -> tuple[str, ...]:
        text = self.host if self.host.startswith(("unix://", "envoy://")) else f"{self.host}:{self.port}"
        return text, self.status, self.outlier, self.cluster


def select(clusters: Json, wanted: Filter) -> list[Endpoint]:
    """The endpoints that the filter takes, in order of address, port and cluster."""
    chosen = [
        endpoint
        for status in clusters.get("cluster_statuses", ())
        for endpoint in _endpoints(status)
        if (not wanted.address or endpoint.host.lower() == wanted.address.lower())
        and (not wanted.port or endpoint.port == wanted.port)
        and (not wanted.cluster or endpoint.cluster == wanted.cluster)
        and (not wanted.status or endpoint.status == wanted.status.upper())
    ]
    return sorted(chosen, key=lambda item: (item.host, item.port, item.cluster))


def _endpoints(status: Json) -> Iterator[Endpoint]:
    for host in status.get("host_statuses", ()):
        where, port = address(host.get("address") or {})
        health = host.get("health_status") or {}
        outlier = "FAILED" if health.get("failed_outlier_check") else "OK"
        yield Endpoint(where, port, health.get("eds_health_status", "UNKNOWN"), outlier, str(status.get("name", "")))


def statuses(clusters: Json, wanted: Filter) -> list[Json]:
    """The cluster statuses that have one of the chosen endpoints, for JSON and YAML."""
    names = {endpoint.cluster for endpoint in select(clusters, wanted)}
    return [status for status in clusters.get("cluster_statuses", ()) if status.get("name") in names]


def from_dump(dump: Dump) -> Json:
    """The same form from a config dump alone, for files: health as istiod sent it, no outlier checks."""
    found = []
    for assignment in dump.endpoints():
        hosts = [
            {
                "address": (entry.get("endpoint") or {}).get("address") or {},
                "health_status": {"eds_health_status": entry.get("health_status", "HEALTHY")},
            }
            for locality in assignment.get("endpoints", ())
            for entry in locality.get("lb_endpoints", ())
        ]
        found.append({"name": assignment.get("cluster_name", ""), "host_statuses": hosts})
    return {"cluster_statuses": found}
