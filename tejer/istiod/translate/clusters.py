"""CDS: one cluster per service port and subset, the workload's own ports, and the special clusters.

Sources: pilot/pkg/networking/core/{cluster,cluster_builder}.go, `istio.md` N1-N7, O4, O5, B11, S2-S4.
"""

from __future__ import annotations

import msgspec

from tejer.envoy.proto import BindConfig, Cluster, DnsCluster, DynamicForwardProxyCluster, SocketAddress, pack, seconds
from tejer.istiod.model.config import selects
from tejer.istiod.model.destination import EffectiveRule, subset_policy
from tejer.istiod.model.endpoints import Endpoint
from tejer.istiod.model.service import DNS, DNS_ROUND_ROBIN, PASSTHROUGH, Port, Service
from tejer.istiod.model.settings import MeshSettings
from tejer.istiod.model.view import InboundPort
from tejer.istiod.translate import filters, names, traffic_policy
from tejer.istiod.translate.cluster_tls import apply_tls
from tejer.istiod.translate.endpoints import UNIX, assignment
from tejer.istiod.translate.metadata import cluster_metadata
from tejer.istiod.translate.tls import ads_source
from tejer.kube.kinds.istio_networking import TrafficPolicy

V4_ONLY = 2  # envoy.extensions.clusters.common.dns.v3.DnsLookupFamily


class ClusterInput(msgspec.Struct, frozen=True, kw_only=True):
    """All that an outbound cluster depends on. `endpoints` only where the cluster carries them itself (DNS)."""

    service: Service
    port: Port
    subset: str
    rule: EffectiveRule | None
    mesh_tls: bool
    accounts: tuple[str, ...]
    mesh: MeshSettings
    endpoints: tuple[Endpoint, ...] = ()
    router: bool = False
    namespace: str = ""

    @property
    def name(self) -> str:
        return names.outbound_cluster(self.port.number, self.subset, self.service.hostname)

    @property
    def policy(self) -> TrafficPolicy:
        return subset_policy(self.rule, self.subset, self.port.number)

    @property
    def labels(self) -> dict[str, str]:
        found = self.rule.subset(self.subset) if self.rule and self.subset else None
        return dict(found.labels) if found else {}


def cluster_type(service: Service, *, router: bool) -> int:
    """A headless service goes where the application has already resolved it to, except from a gateway."""
    if service.resolution == PASSTHROUGH or (service.headless and not router):
        return Cluster.ORIGINAL_DST
    if service.resolution == DNS:
        return Cluster.STRICT_DNS
    return Cluster.LOGICAL_DNS if service.resolution == DNS_ROUND_ROBIN else Cluster.EDS


def uses_eds(service: Service, *, router: bool) -> bool:
    return cluster_type(service, router=router) == Cluster.EDS


def outbound(given: ClusterInput) -> Cluster | None:
    """None for a DNS cluster without an endpoint, which is not emitted (S4)."""
    service, policy = given.service, given.policy
    kind = cluster_type(service, router=given.router)
    cluster = Cluster(
        name=given.name,
        type=kind,
        alt_stat_name=names.stat_name(given.name),
        metadata=cluster_metadata(
            service.hostname,
            service.name,
            service.namespace,
            path=given.rule.path if given.rule else "",
            subset=given.subset,
            external=service.external,
        ),
    )
    if kind == Cluster.EDS:
        source = ads_source()
        source.initial_fetch_timeout.CopyFrom(seconds(0))
        cluster.eds_cluster_config.CopyFrom(Cluster.EdsClusterConfig(eds_config=source, service_name=given.name))
    elif service.resolution in (DNS, DNS_ROUND_ROBIN) and not _dns(cluster, given):
        return None
    traffic_policy.apply(cluster, policy, given.port, given.mesh)
    apply_tls(
        cluster,
        policy.tls,
        given,
        protocol=traffic_policy.upstream_protocol(given.port, policy),
    )
    return cluster


def _dns(cluster: Cluster, given: ClusterInput) -> bool:
    endpoints = [endpoint for endpoint in given.endpoints if selects(given.labels, endpoint.labels)]
    if given.service.resolution == DNS_ROUND_ROBIN:
        endpoints = endpoints[:1]
    if not endpoints:
        return False
    logical = given.service.resolution == DNS_ROUND_ROBIN
    dns = DnsCluster(
        dns_lookup_family=V4_ONLY,
        respect_dns_ttl=True,
        dns_refresh_rate=seconds(given.mesh.dns_refresh),
        dns_jitter=seconds(0.1),
        all_addresses_in_single_endpoint=logical,
    )
    name = "envoy.cluster.logical_dns" if logical else "envoy.cluster.strict_dns"
    cluster.cluster_type.CopyFrom(Cluster.CustomClusterType(name=name, typed_config=pack(dns)))
    cluster.load_assignment.CopyFrom(assignment(given.name, endpoints, {}))
    return True


def black_hole(mesh: MeshSettings) -> Cluster:
    return Cluster(
        name=names.BLACK_HOLE,
        type="STATIC",
        connect_timeout=seconds(mesh.connect_timeout),
        alt_stat_name=names.stat_name(names.BLACK_HOLE),
        metadata=cluster_metadata("", names.BLACK_HOLE, ""),
    )


def passthrough(mesh: MeshSettings) -> Cluster:
    """Where traffic to addresses unknown to the mesh goes: on to its original destination."""
    return _original_destination(names.PASSTHROUGH, mesh, Port(0))


def dynamic_dns(mesh: MeshSettings) -> Cluster:
    """Where HTTP to unknown hosts goes under ALLOW_ANY_DYNAMIC_DNS: to the Host's own address."""
    # The options are about verifying names in TLS, and only plaintext HTTP comes here.
    config = DynamicForwardProxyCluster(dns_cache_config=filters.dns_cache(), allow_insecure_cluster_options=True)
    kind = Cluster.CustomClusterType(name="envoy.clusters.dynamic_forward_proxy", typed_config=pack(config))
    cluster = Cluster(
        name=names.DYNAMIC_DNS,
        cluster_type=kind,
        alt_stat_name=names.stat_name(names.DYNAMIC_DNS),
        metadata=cluster_metadata("", names.DYNAMIC_DNS, ""),
    )
    traffic_policy.apply(cluster, TrafficPolicy(), Port(0), mesh)
    cluster.lb_policy = Cluster.CLUSTER_PROVIDED
    return cluster


def inbound_passthrough(mesh: MeshSettings) -> Cluster:
    cluster = _original_destination(names.INBOUND_PASSTHROUGH, mesh, Port(0))
    cluster.upstream_bind_config.CopyFrom(_bind_source())
    return cluster


def inbound(given: InboundPort, mesh: MeshSettings, own_address: str = "") -> Cluster:
    """The workload's own port, dialled at the address the caller used, from 127.0.0.6 so that it is not captured."""
    name = names.inbound_cluster(given.target)
    service = given.service
    port = given.port
    cluster = Cluster(
        name=name,
        type="ORIGINAL_DST",
        alt_stat_name=names.stat_name(name),
        metadata=cluster_metadata(service.hostname, service.name, service.namespace),
        upstream_bind_config=_bind_source(),
    )
    base = subset_policy(given.rule, "", port.number)
    traffic_policy.apply(cluster, TrafficPolicy(connection_pool=given.pool or base.connection_pool), port, mesh)
    if given.endpoint:
        _fixed_endpoint(cluster, given.endpoint, own_address)
    return cluster


def _fixed_endpoint(cluster: Cluster, endpoint: str, own_address: str) -> None:
    """Send to `endpoint` (`127.0.0.1:8080`, `0.0.0.0:8080` for the workload's address, `unix:///path`)."""
    cluster.type = Cluster.STATIC
    cluster.lb_policy = Cluster.ROUND_ROBIN
    cluster.ClearField("upstream_bind_config")
    if endpoint.startswith(UNIX):
        target = Endpoint(address=endpoint, port=0)
    else:
        address, _, number = endpoint.rpartition(":")
        address = own_address if address in (names.WILDCARD, "[::]") else address.strip("[]")
        target = Endpoint(address=address, port=int(number))
    cluster.load_assignment.CopyFrom(assignment(cluster.name, [target], {}))


def _original_destination(name: str, mesh: MeshSettings, port: Port) -> Cluster:
    cluster = Cluster(
        name=name,
        type="ORIGINAL_DST",
        alt_stat_name=names.stat_name(name),
        metadata=cluster_metadata("", name, ""),
    )
    traffic_policy.apply(cluster, TrafficPolicy(), port, mesh)
    return cluster


def _bind_source() -> BindConfig:
    return BindConfig(source_address=SocketAddress(address=names.BIND_SOURCE, port_value=0))
