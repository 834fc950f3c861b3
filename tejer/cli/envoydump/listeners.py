"""`proxy-config listeners`: where a proxy listens, and where each kind of connection goes.

Source of the texts: istioctl's pkg/writer/envoy/configdump/listener.go.
"""

from __future__ import annotations

from typing import NamedTuple

from tejer.cli.envoydump.dump import Dump, Json, address
from tejer.cli.envoydump.routes import describe_match

HEADER = ("ADDRESSES", "PORT", "MATCH", "DESTINATION")
BRIEF_HEADER = ("ADDRESSES", "PORT", "TYPE")
HTTP_MANAGER = "envoy.filters.network.http_connection_manager"
TCP_PROXY = "envoy.filters.network.tcp_proxy"
ALPN_NAMES = {
    ("http/1.0", "http/1.1", "h2c", "istio-http/1.0", "istio-http/1.1", "istio-h2"): "HTTP TLS",
    ("istio-peer-exchange", "istio"): "TCP TLS",
}


class Filter(NamedTuple):
    """Empty fields let everything through; `kind` is HTTP, TCP or HTTP+TCP."""

    address: str = ""
    port: int = 0
    kind: str = ""

    def takes(self, listener: Json) -> bool:
        return (
            (not self.address or self.address in addresses(listener))
            and (not self.port or self.port == port_of(listener))
            and (not self.kind or self.kind.upper() == kind_of(listener))
        )


def select(dump: Dump, wanted: Filter) -> list[Json]:
    """The listeners that the filter takes, in order of port, address and type."""
    chosen = (listener for listener in dump.listeners() if wanted.takes(listener))
    return sorted(chosen, key=lambda item: (port_of(item), addresses(item), kind_of(item)))


def addresses(listener: Json) -> list[str]:
    further = (item.get("address") or {} for item in listener.get("additional_addresses", ()))
    return [address(value)[0] for value in (listener.get("address") or {}, *further)]


def port_of(listener: Json) -> int:
    return address(listener.get("address") or {})[1]


def chains(listener: Json) -> list[Json]:
    default = listener.get("default_filter_chain")
    return [*listener.get("filter_chains", ()), *([default] if default else ())]


def kind_of(listener: Json) -> str:
    """HTTP, TCP, HTTP+TCP or UNKNOWN, by the filters of its chains."""
    names = {item.get("name") for chain in chains(listener) for item in chain.get("filters", ())}
    kinds = [text for text, name in (("HTTP", HTTP_MANAGER), ("TCP", TCP_PROXY)) if name in names]
    return "+".join(kinds) or "UNKNOWN"


def rows(listener: Json) -> list[tuple[str, ...]]:
    """One row per filter chain: what it matches and where that goes."""
    where = ",".join(addresses(listener))
    port = str(port_of(listener))
    pairs = [(match_text(chain.get("filter_chain_match") or {}), destination(chain)) for chain in chains(listener)]
    pairs.sort(key=lambda pair: pair[1], reverse=True)
    return [(where, port, match, target) for match, target in pairs]


def brief_row(listener: Json) -> tuple[str, ...]:
    return ",".join(addresses(listener)), str(port_of(listener)), kind_of(listener)


def match_text(match: Json) -> str:
    """`Trans: tls; App: TCP TLS; Addr: 0.0.0.0/0`, or `ALL`."""
    texts = []
    if names := match.get("server_names"):
        texts.append(f"SNI: {','.join(names)}")
    if transport := match.get("transport_protocol"):
        texts.append(f"Trans: {transport}")
    if protocols := match.get("application_protocols"):
        texts.append(f"App: {ALPN_NAMES.get(tuple(protocols), ','.join(protocols))}")
    port = f":{match['destination_port']}" if match.get("destination_port") else ""
    if ranges := match.get("prefix_ranges"):
        subnets = ",".join(f"{item['address_prefix']}/{item.get('prefix_len', 0)}" for item in ranges)
        texts.append(f"Addr: {subnets}{port}")
    elif port:
        texts.append(f"Addr: *{port}")
    return "; ".join(texts) or "ALL"


def destination(chain: Json) -> str:
    """`Route: 9080`, `Cluster: outbound|...`, `PassthroughCluster`, `Inline Route: /ready*`, `Non-HTTP/Non-TCP`."""
    for item in chain.get("filters", ()):
        config = item.get("typed_config") or {}
        if item.get("name") == HTTP_MANAGER:
            if config.get("route_config"):
                return inline_route(config["route_config"])
            name = (config.get("rds") or {}).get("route_config_name")
            return f"Route: {name}" if name else "HTTP"
        if item.get("name") == TCP_PROXY:
            weighted = (config.get("weighted_clusters") or {}).get("clusters") or ()
            return cluster_text(config.get("cluster") or ",".join(entry.get("name", "") for entry in weighted))
    return "Non-HTTP/Non-TCP"


def cluster_text(name: str) -> str:
    """Istio's own clusters (BlackHoleCluster) by name alone."""
    return name if "Cluster" in name else f"Cluster: {name}"


def inline_route(config: Json) -> str:
    hosts = config.get("virtual_hosts", ())
    if len(hosts) == 1 and hosts[0].get("domains") == ["*"] and len(hosts[0].get("routes", ())) == 1:
        only = hosts[0]["routes"][0]
        cluster = (only.get("route") or {}).get("cluster")
        if cluster and (only.get("match") or {}).get("prefix") == "/":
            return cluster_text(cluster)
    texts = []
    for host in hosts:
        domains = "" if host.get("domains") == ["*"] else "/".join(host.get("domains", ())) + " "
        texts.append(domains + ", ".join(describe_match(route.get("match") or {}) for route in host.get("routes", ())))
    return f"Inline Route: {'; '.join(texts)}"
