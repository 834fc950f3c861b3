"""Istio's names of Envoy objects (`istio.md` section 4.2): istioctl, Kiali and dashboards read them."""

from __future__ import annotations

BLACK_HOLE = "BlackHoleCluster"
PASSTHROUGH = "PassthroughCluster"
DYNAMIC_DNS = "AllowAnyDynamicDNSCluster"
INBOUND_PASSTHROUGH = "InboundPassthroughCluster"
VIRTUAL_OUTBOUND = "virtualOutbound"
VIRTUAL_INBOUND = "virtualInbound"
PASSTHROUGH_CHAIN = "PassthroughFilterChain"
ALLOW_ANY = "allow_any"
ALLOW_ANY_DYNAMIC_DNS = "allow_any_dynamic_dns"
BLOCK_ALL = "block_all"
WILDCARD = "0.0.0.0"  # noqa: S104 - the address that Envoy's per-port listeners match on, not one we open

OUTBOUND_PORT = 15001
INBOUND_PORT = 15006
BIND_SOURCE = "127.0.0.6"
"""The address from which a sidecar dials its own application; the capture rules let it pass."""


def outbound_cluster(port: int, subset: str, host: str) -> str:
    return f"outbound|{port}|{subset}|{host}"


def inbound_cluster(port: int) -> str:
    return f"inbound|{port}||"


def server_name(port: int, subset: str, host: str) -> str:
    """The SNI of mesh TLS; AUTO_PASSTHROUGH gateways route on it."""
    return f"outbound_.{port}_.{subset}_.{host}"


def listener(address: str, port: int) -> str:
    return f"{address}_{port}"


def virtual_host(host: str, port: int) -> str:
    return f"{host}:{port}"


def stat_name(cluster: str) -> str:
    """`alt_stat_name`: the `;` ends the cluster's name where the stats tag regexes look for it."""
    return f"{cluster};"
