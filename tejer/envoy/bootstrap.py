"""Envoy's bootstrap as JSON, from `BootstrapParams`: pure, and free of protobuf so that the agent stays small.

Follows Istio's tools/packaging/common/envoy_bootstrap.json in names, ports and node; differs where stock Envoy or our
agent differ: ADS goes straight from Envoy to istiod over mutual TLS 1.3, with certificates by file SDS. (SDS over ADS
for a static cluster crashes Envoy 1.40; file SDS on it is proved by tests/netns/test_envoy_bootstrap.py.)
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tejer.envoy import paths

Json = dict[str, Any]

ADMIN_PORT = 15000
AGENT_PORT = 15020
HEALTH_PORT = 15021
METRICS_PORT = 15090
XDS_CLUSTER = "xds-grpc"
AGENT_CLUSTER = "agent"
METRICS_CLUSTER = "prometheus_stats"

_TYPE = "type.googleapis.com/"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

STATS_PREFIXES = ("istio_", "cluster_manager", "listener_manager", "server", "cluster.xds-grpc", "wasm", "component")
STATS_SUFFIXES = ("rbac.allowed", "rbac.denied", "shadow_allowed", "shadow_denied", "downstream_cx_active")
# Which TLS versions peers really used is what an auditor asks first; a listener has one counter for each in use.
STATS_REGEXES = (r"vhost\..*\.route\..*", r"listener\..*\.ssl\.versions\..*")

# What a circuit breaker or outlier detection did is worth a counter, on clusters that come by CDS only.
BREAKER_SUFFIXES = (
    "upstream_cx_overflow",
    "upstream_rq_pending_overflow",
    "upstream_rq_retry_overflow",
    "outlier_detection.ejections_active",
    "outlier_detection.ejections_enforced_total",
)

_TAGS = (
    # alt_stat_name ends in ";" so that a name with dots is one tag; a name without it ends at its last dot.
    ("cluster_name", r"^cluster\.(([^;.|]+(?:\|[^;]*)?);?\.)"),
    ("tcp_prefix", r"^tcp\.(([^;]*?);?\.)\w+?$"),
    ("http_conn_manager_prefix", r"^http\.(([^;]*?);?\.)(?=rbac|downstream|tracing|no_|passthrough|rs_|user_agent)"),
    ("listener_address", r"^listener\.(((?:[_.\d]*|[_\[\]aAbBcCdDeEfF\d]*|\w+))\.)"),
)


class BootstrapParams(NamedTuple):
    """All that one proxy's bootstrap depends on.

    `metadata` is the xDS node's, `cluster` its service cluster. `discovery_host` and `discovery_port` say where istiod
    is; `discovery_san` the DNS name its certificate must carry. `stats_*` are additions to the default inclusion list;
    `histogram_buckets` maps a metric prefix to bucket bounds. Paths are parameters for tests only.
    """

    node_id: str
    cluster: str
    metadata: Json
    discovery_host: str = "istiod.istio-system.svc"
    discovery_port: int = 15012
    discovery_san: str = "istiod.istio-system.svc"
    stats_prefixes: tuple[str, ...] = ()
    stats_suffixes: tuple[str, ...] = ()
    stats_regexes: tuple[str, ...] = ()
    histogram_buckets: Mapping[str, tuple[float, ...]] = MappingProxyType({})
    stats_flush_seconds: int = 5
    stats_eviction_seconds: int = 0
    max_connections: int = 50_000
    admin_port: int = ADMIN_PORT
    agent_port: int = AGENT_PORT
    health_port: int = HEALTH_PORT
    metrics_port: int = METRICS_PORT
    certs_dir: str = paths.CERTS_DIR
    sds_certificate: str = paths.SDS_CERTIFICATE
    sds_roots: str = paths.SDS_ROOTS


def bootstrap(params: BootstrapParams) -> Json:
    """The whole document for `envoy -c`."""
    result: Json = {
        "application_log_config": {"log_format": {"text_format": "%Y-%m-%dT%T.%fZ\t%l\tenvoy %n %g:%#\t%v\tthread=%t"}},
        "node": {"id": params.node_id, "cluster": params.cluster, "locality": {}, "metadata": params.metadata},
        "layered_runtime": {"layers": _runtime_layers()},
        "stats_config": _stats_config(params),
        "stats_flush_interval": f"{params.stats_flush_seconds}s",
        "admin": {"address": _address("127.0.0.1", params.admin_port), "ignore_global_conn_limit": True},
        "dynamic_resources": _dynamic_resources(),
        "overload_manager": _overload_manager(params.max_connections),
        "static_resources": {
            "clusters": [
                _local_cluster(METRICS_CLUSTER, params.admin_port),
                _local_cluster(AGENT_CLUSTER, params.agent_port),
                _xds_cluster(params),
            ],
            "listeners": [
                _local_listener(params.metrics_port, "/stats/prometheus", "/stats/envoy"),
                _local_listener(params.health_port, "/healthz/ready", "/healthz/ready"),
            ],
        },
        "cluster_manager": {"outlier_detection": {}},
        "watchdogs": _watchdogs(),
        "deferred_stat_options": {"enable_deferred_creation_stats": True},
    }
    if params.stats_eviction_seconds:
        result["stats_eviction_interval"] = f"{params.stats_eviction_seconds}s"
    return result


def sds_files(certs_dir: str) -> tuple[Json, Json]:
    """Contents of the two SDS files: the workload's certificate, and the mesh's roots.

    They never change: what rotates is the content of `certs_dir`, which both have Envoy watch.
    """
    watched = {"path": certs_dir}
    certificate = {
        "tls_certificate": {
            "certificate_chain": {"filename": f"{certs_dir}/cert-chain.pem"},
            "private_key": {"filename": f"{certs_dir}/key.pem"},
            "watched_directory": watched,
        }
    }
    roots = {
        "validation_context": {
            "trusted_ca": {"filename": f"{certs_dir}/root-cert.pem"},
            "watched_directory": watched,
        }
    }
    return _secret(paths.SECRET_CERTIFICATE, certificate), _secret(paths.SECRET_ROOTS, roots)


def _secret(name: str, content: Json) -> Json:
    resource = {"@type": f"{_TYPE}envoy.extensions.transport_sockets.tls.v3.Secret", "name": name, **content}
    return {"resources": [resource]}


def _runtime_layers() -> list[Json]:
    static = {
        "re2.max_program_size.error_level": 32768,
        "envoy.reloadable_features.http_reject_path_with_fragment": False,
    }
    return [{"name": "global config", "static_layer": static}, {"name": "admin", "admin_layer": {}}]


def _stats_config(params: BootstrapParams) -> Json:
    breakers = "|".join(suffix.replace(".", r"\.") for suffix in BREAKER_SUFFIXES)
    patterns: list[Json] = [{"prefix": prefix} for prefix in (*STATS_PREFIXES, *params.stats_prefixes)]
    patterns += [{"suffix": suffix} for suffix in (*STATS_SUFFIXES, *params.stats_suffixes)]
    regexes = (*STATS_REGEXES, rf"cluster\.(out|in)bound\|.*\.({breakers})", *params.stats_regexes)
    patterns += [{"safe_regex": {"regex": regex}} for regex in regexes]
    config: Json = {
        "use_all_default_tags": False,
        "stats_tags": [{"tag_name": name, "regex": regex} for name, regex in _TAGS],
        "stats_matcher": {"inclusion_list": {"patterns": patterns}},
    }
    if params.histogram_buckets:
        config["histogram_bucket_settings"] = [
            {"match": {"prefix": prefix}, "buckets": list(bounds)}
            for prefix, bounds in params.histogram_buckets.items()
        ]
    return config


def _dynamic_resources() -> Json:
    ads = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
    # Envoy's own back-off reaches 30 s; after a restart of istiod new configuration should not wait that long.
    retry = {"retry_back_off": {"base_interval": "0.2s", "max_interval": "5s"}}
    service = {"envoy_grpc": {"cluster_name": XDS_CLUSTER, "retry_policy": retry}}
    return {
        "ads_config": {
            "api_type": "DELTA_GRPC",
            "transport_api_version": "V3",
            "set_node_on_first_message_only": True,
            "grpc_services": [service],
        },
        "cds_config": ads,
        "lds_config": ads,
    }


def _watchdogs() -> Json:
    """By default Envoy wakes each of its threads ten times a second to see whether it lives: four fifths of what an
    idle sidecar costs (0.18 % of a core against 0.04 %).
    """
    watchdog = {"miss_timeout": "5s", "megamiss_timeout": "10s"}
    return {"main_thread_watchdog": watchdog, "worker_watchdog": watchdog}


def _overload_manager(max_connections: int) -> Json:
    limit = {
        "@type": f"{_TYPE}envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        "max_active_downstream_connections": max_connections,
    }
    monitor = {"name": "envoy.resource_monitors.global_downstream_max_connections", "typed_config": limit}
    return {"resource_monitors": [monitor]}


def _address(host: str, port: int) -> Json:
    return {"socket_address": {"protocol": "TCP", "address": host, "port_value": port}}


def _assignment(name: str, host: str, port: int) -> Json:
    return {
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(host, port)}}]}],
    }


def _local_cluster(name: str, port: int) -> Json:
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "0.250s",
        "load_assignment": _assignment(name, "127.0.0.1", port),
    }


def _file_sds(name: str, path: str, directory: str) -> Json:
    config = {"path_config_source": {"path": path, "watched_directory": {"path": directory}}}
    return {"name": name, "sds_config": {**config, "resource_api_version": "V3"}}


def _xds_cluster(params: BootstrapParams) -> Json:
    directory = params.sds_certificate.rpartition("/")[0]
    tls = {
        "@type": f"{_TYPE}envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": params.discovery_san,
        "common_tls_context": {
            "alpn_protocols": ["h2"],
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
            "tls_certificate_sds_secret_configs": [
                _file_sds(paths.SECRET_CERTIFICATE, params.sds_certificate, directory)
            ],
            "combined_validation_context": {
                "default_validation_context": {
                    "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": params.discovery_san}}]
                },
                "validation_context_sds_secret_config": _file_sds(paths.SECRET_ROOTS, params.sds_roots, directory),
            },
        },
    }
    http2 = {
        "@type": _TYPE + _HTTP_OPTIONS,
        "explicit_http_config": {
            "http2_protocol_options": {"connection_keepalive": {"interval": "30s", "timeout": "10s"}}
        },
    }
    dns = {
        "@type": f"{_TYPE}envoy.extensions.clusters.dns.v3.DnsCluster",
        "dns_lookup_family": "V4_PREFERRED",
        "dns_refresh_rate": "30s",
        "dns_failure_refresh_rate": {"base_interval": "0.2s", "max_interval": "5s"},
        "respect_dns_ttl": True,
    }
    unlimited = {"max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000}
    return {
        "name": XDS_CLUSTER,
        "cluster_type": {"name": "envoy.cluster.strict_dns", "typed_config": dns},
        "connect_timeout": "1s",
        "load_assignment": _assignment(XDS_CLUSTER, params.discovery_host, params.discovery_port),
        "circuit_breakers": {"thresholds": [{"priority": level, **unlimited} for level in ("DEFAULT", "HIGH")]},
        "upstream_connection_options": {"tcp_keepalive": {"keepalive_time": 300}},
        "typed_extension_protocol_options": {_HTTP_OPTIONS: http2},
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": tls},
    }


def _local_listener(port: int, path: str, agent_path: str) -> Json:
    """A plain HTTP listener that lets exactly `path` through to the agent (as `agent_path`)."""
    route = {"cluster": AGENT_CLUSTER, "prefix_rewrite": agent_path, "timeout": "15s"}
    manager = {
        "@type": f"{_TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "codec_type": "AUTO",
        "stat_prefix": AGENT_CLUSTER,
        "route_config": {
            "virtual_hosts": [
                {"name": "backend", "domains": ["*"], "routes": [{"match": {"path": path}, "route": route}]}
            ]
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPE}envoy.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "name": f"0.0.0.0_{port}",
        "address": _address("0.0.0.0", port),  # noqa: S104
        "ignore_global_conn_limit": True,
        "filter_chains": [{"filters": filters}],
    }
