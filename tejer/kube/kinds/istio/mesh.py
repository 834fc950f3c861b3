"""MeshConfig: what the whole mesh shares, with Istio's defaults (pkg/config/mesh/mesh.go)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.destination_rule import (
    ClientTLSSettings,
    ConnectionPoolSettings,
    LocalityLoadBalancerSetting,
    OutlierDetection,
    TcpKeepalive,
    ZoneAwareLoadBalancerSetting,
)
from tejer.kube.kinds.istio.mesh_providers import ExtensionProvider
from tejer.kube.kinds.istio.mesh_proxy import ProxyConfig
from tejer.kube.kinds.istio.virtual_service import HTTPRetry
from tejer.kube.kinds.keywords import enum


class OutboundTrafficPolicy(Kind, frozen=True, kw_only=True):
    """What happens to traffic to hosts the mesh does not know."""

    mode: Annotated[str, enum("REGISTRY_ONLY", "ALLOW_ANY", "ALLOW_ANY_DYNAMIC_DNS")] = "ALLOW_ANY"
    tls: ClientTLSSettings | None = None


class InboundTrafficPolicy(Kind, frozen=True, kw_only=True):
    """What happens to traffic to ports the workload has not declared."""

    mode: Annotated[str, enum("PASSTHROUGH", "LOCALHOST")] = "PASSTHROUGH"


class ConfigSource(Kind, frozen=True, kw_only=True):
    """Where configuration is read from."""

    address: str = ""
    tls_settings: ClientTLSSettings | None = None
    subscribed_resources: tuple[Annotated[str, enum("SERVICE_REGISTRY")], ...] = ()


class CertificateData(Kind, frozen=True, kw_only=True):
    """A further root certificate, given as PEM or by the URL of a SPIFFE bundle."""

    pem: str = ""
    spiffe_bundle_url: str = ""
    cert_signers: tuple[str, ...] = ()
    trust_domains: tuple[str, ...] = ()


class Certificate(Kind, frozen=True, kw_only=True):
    """Deprecated and without effect."""

    secret_name: str = ""
    dns_names: tuple[str, ...] = ()


class Settings(Kind, frozen=True, kw_only=True):
    """Settings of services."""

    cluster_local: bool | None = None


class ServiceSettings(Kind, frozen=True, kw_only=True):
    """Settings of the named services."""

    settings: Settings | None = None
    hosts: tuple[str, ...] = ()


class LabelSelectorRequirement(Kind, frozen=True, kw_only=True):
    """One requirement on a label."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class LabelSelector(Kind, frozen=True, kw_only=True):
    """Objects by label."""

    match_labels: dict[str, str] = msgspec.field(default_factory=dict)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class ServiceScopeConfigs(Kind, frozen=True, kw_only=True):
    """Which services other clusters see."""

    namespace_selector: LabelSelector | None = None
    services_selector: LabelSelector | None = None
    scope: Annotated[str, enum("LOCAL", "GLOBAL")] = ""


class CA(Kind, frozen=True, kw_only=True):
    """An external certificate authority."""

    address: str = ""
    tls_settings: ClientTLSSettings | None = None
    request_timeout: str = ""
    istiod_side: bool | None = None


class DefaultProviders(Kind, frozen=True, kw_only=True):
    """The providers used where a Telemetry names none."""

    tracing: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    access_logging: tuple[str, ...] = ()


class ProxyPathNormalization(Kind, frozen=True, kw_only=True):
    """How paths are normalized before they are matched."""

    normalization: Annotated[str, enum("DEFAULT", "NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES")] = ""


class TLSConfig(Kind, frozen=True, kw_only=True):
    """TLS versions, curves and ciphers."""

    min_protocol_version: Annotated[str, enum("TLS_AUTO", "TLSV1_2", "TLSV1_3")] = ""
    ecdh_curves: tuple[str, ...] = ()
    cipher_suites: tuple[str, ...] = ()


class DefaultTrafficPolicy(Kind, frozen=True, kw_only=True):
    """What DestinationRules leave unset."""

    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None


class MatchRule(Kind, frozen=True, kw_only=True):
    """Namespaces a policy is for."""

    namespace_selector: LabelSelector | None = None


class Policy(Kind, frozen=True, kw_only=True):
    """Visibility of the matched ServiceEntries."""

    visibility: Annotated[str, enum("VISIBILITY_UNSPECIFIED", "NONE", "NAMESPACE", "PUBLIC")] = ""
    matching_rules: tuple[MatchRule, ...] = ()


class ServiceEntryVisibility(Kind, frozen=True, kw_only=True):
    """Who sees a ServiceEntry by default."""

    default_visibility: Annotated[str, enum("VISIBILITY_UNSPECIFIED", "NONE", "NAMESPACE", "PUBLIC")] = ""
    apply_to_sidecars: bool | None = None
    policies: tuple[Policy, ...] = ()


class MeshConfig(Kind, frozen=True, kw_only=True):
    """Settings of the whole mesh; ConfigMap `istio`, key `mesh`."""

    proxy_listen_port: int = 15001
    proxy_inbound_listen_port: int = 15006
    proxy_http_port: int | None = None
    connect_timeout: str = "10s"
    hbone_idle_timeout: str = "1h"
    protocol_detection_timeout: str = "0s"
    tcp_keepalive: TcpKeepalive | None = None
    ingress_class: str = "istio"
    ingress_service: str = "istio-ingressgateway"
    ingress_controller_mode: Annotated[str, enum("UNSPECIFIED", "OFF", "DEFAULT", "STRICT")] = "STRICT"
    ingress_selector: str = "ingressgateway"
    enable_tracing: bool = True
    access_log_file: str = ""
    access_log_format: str = ""
    access_log_encoding: Annotated[str, enum("TEXT", "JSON")] = "TEXT"
    enable_envoy_access_log_service: bool | None = None
    disable_envoy_listener_log: bool | None = None
    default_config: ProxyConfig = ProxyConfig()
    outbound_traffic_policy: OutboundTrafficPolicy = OutboundTrafficPolicy()
    inbound_traffic_policy: InboundTrafficPolicy = InboundTrafficPolicy()
    config_sources: tuple[ConfigSource, ...] = ()
    enable_auto_mtls: bool = True
    trust_domain: str = "cluster.local"
    trust_domain_aliases: tuple[str, ...] = ()
    ca_certificates: tuple[CertificateData, ...] = ()
    default_service_export_to: tuple[str, ...] = ("*",)
    default_virtual_service_export_to: tuple[str, ...] = ("*",)
    default_destination_rule_export_to: tuple[str, ...] = ("*",)
    root_namespace: str = "istio-system"
    locality_lb_setting: LocalityLoadBalancerSetting = LocalityLoadBalancerSetting(enabled=True)
    zone_aware_lb_setting: ZoneAwareLoadBalancerSetting | None = None
    dns_refresh_rate: str = "60s"
    h2_upgrade_policy: Annotated[str, enum("DO_NOT_UPGRADE", "UPGRADE")] = ""
    inbound_cluster_stat_name: str = ""
    outbound_cluster_stat_name: str = ""
    certificates: tuple[Certificate, ...] = ()
    service_settings: tuple[ServiceSettings, ...] = ()
    service_scope_configs: tuple[ServiceScopeConfigs, ...] = ()
    enable_prometheus_merge: bool = True
    verify_certificate_at_client: bool | None = None
    ca: CA | None = None
    extension_providers: tuple[ExtensionProvider, ...] = ()
    default_providers: DefaultProviders | None = None
    discovery_selectors: tuple[LabelSelector, ...] = ()
    path_normalization: ProxyPathNormalization | None = None
    default_http_retry_policy: HTTPRetry | None = None
    mesh_mtls: TLSConfig | None = msgspec.field(default=None, name="meshMTLS")
    tls_defaults: TLSConfig | None = None
    default_traffic_policy: DefaultTrafficPolicy | None = None
    service_entry_visibility: ServiceEntryVisibility | None = None


class NetworkEndpoints(Kind, frozen=True, kw_only=True):
    """Endpoints of a network."""

    from_cidr: str = ""
    from_registry: str = ""


class IstioNetworkGateway(Kind, frozen=True, kw_only=True):
    """The gateway into a network."""

    registry_service_name: str = ""
    address: str = ""
    port: int | None = None
    locality: str = ""


class Network(Kind, frozen=True, kw_only=True):
    """A network of the mesh."""

    endpoints: tuple[NetworkEndpoints, ...] = ()
    gateways: tuple[IstioNetworkGateway, ...] = ()


class MeshNetworks(Kind, frozen=True, kw_only=True):
    """Networks by name; ConfigMap `istio`, key `meshNetworks`."""

    networks: dict[str, Network] = msgspec.field(default_factory=dict)
