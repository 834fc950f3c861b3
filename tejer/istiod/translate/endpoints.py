"""EDS: the endpoints of one cluster, grouped by locality. Sources: `istio.md` D25, X13, ME2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tejer.envoy.proto import (
    Address,
    ClusterLoadAssignment,
    LbEndpoint,
    LocalityLbEndpoints,
    Pipe,
    SocketAddress,
    u32,
)
from tejer.envoy.proto import Endpoint as EnvoyEndpoint
from tejer.envoy.proto import Locality as EnvoyLocality
from tejer.istiod.model.config import selects
from tejer.istiod.model.endpoints import Endpoint
from tejer.istiod.model.workload import Locality
from tejer.istiod.translate.metadata import endpoint_metadata

UNIX = "unix://"


def socket_address(address: str, port: int) -> Address:
    if address.startswith(UNIX):
        return Address(pipe=Pipe(path=address.removeprefix(UNIX)))
    return Address(socket_address=SocketAddress(address=address, port_value=port))


def assignment(
    cluster: str, endpoints: Iterable[Endpoint], labels: Mapping[str, str], *, only_ready: bool = False
) -> ClusterLoadAssignment:
    """Those of `endpoints` that carry a subset's `labels`.

    One that is not ready is sent as UNHEALTHY, or with `only_ready` (the rule has a minHealthPercent) not at all.
    """
    groups: dict[Locality, list[LbEndpoint]] = {}
    weights: dict[Locality, int] = {}
    for endpoint in endpoints:
        if not selects(labels, endpoint.labels) or (only_ready and not endpoint.ready):
            continue
        groups.setdefault(endpoint.locality, []).append(_lb_endpoint(endpoint))
        weights[endpoint.locality] = weights.get(endpoint.locality, 0) + (endpoint.weight or 1)
    return ClusterLoadAssignment(
        cluster_name=cluster,
        endpoints=[
            LocalityLbEndpoints(
                locality=EnvoyLocality(region=where.region, zone=where.zone, sub_zone=where.subzone),
                lb_endpoints=members,
                load_balancing_weight=u32(weights[where]),
            )
            for where, members in sorted(groups.items(), key=lambda item: str(item[0]))
        ],
    )


def _lb_endpoint(endpoint: Endpoint) -> LbEndpoint:
    return LbEndpoint(
        endpoint=EnvoyEndpoint(address=socket_address(endpoint.address, endpoint.port)),
        health_status="UNKNOWN" if endpoint.ready else "UNHEALTHY",
        metadata=endpoint_metadata(endpoint.subject, tls=endpoint.tls),
        load_balancing_weight=u32(endpoint.weight or 1),
    )
