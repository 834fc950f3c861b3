"""`proxy-config clusters`: the services a proxy can send to."""

from __future__ import annotations

from typing import NamedTuple

from tejer.cli.envoydump.dump import Dump, Json, istio_object, parse_name

HEADER = ("SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE")


class Filter(NamedTuple):
    """Empty fields let everything through."""

    fqdn: str = ""
    port: int = 0
    subset: str = ""
    direction: str = ""

    def takes(self, name: str) -> bool:
        if self == Filter():
            return True
        parsed = parse_name(name)
        if parsed is None:
            return self.fqdn != "" and self._replace(fqdn="") == Filter() and self.fqdn in name
        direction, port, subset, host = parsed
        return (
            self.fqdn in host
            and (not self.port or port == str(self.port))
            and (not self.subset or subset == self.subset)
            and (not self.direction or direction == self.direction.lower())
        )


def select(dump: Dump, wanted: Filter) -> list[Json]:
    """The clusters that the filter takes, in order of host, subset, port and direction."""
    return sorted((cluster for cluster in dump.clusters() if wanted.takes(cluster.get("name", ""))), key=_order)


def _order(cluster: Json) -> tuple[str, str, int, str]:
    direction, port, subset, host = parse_name(cluster.get("name", "")) or ("", "0", "", cluster.get("name", ""))
    return host, subset, int(port) if port.isdigit() else 0, direction


def row(cluster: Json) -> tuple[str, ...]:
    name = cluster.get("name", "")
    extension = (cluster.get("cluster_type") or {}).get("name", "")
    kind = extension.rpartition(".")[2].upper() or cluster.get("type", "STATIC")
    rule = istio_object(cluster)
    parsed = parse_name(name)
    if parsed is None:
        return name, "-", "-", "-", kind, rule
    direction, port, subset, host = parsed
    return host, port, subset or "-", direction, kind, rule
