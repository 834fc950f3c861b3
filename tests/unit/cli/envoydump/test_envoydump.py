"""The tables of proxy-config, from a small dump."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tejer.cli.envoydump import bootstrap, clusters, endpoints, listeners, routes, secrets
from tejer.cli.envoydump.compare import compare
from tejer.cli.envoydump.dump import Dump

HCM = "envoy.filters.network.http_connection_manager"
TCP = "envoy.filters.network.tcp_proxy"
CONFIG = "/apis/networking.istio.io/v1/namespaces/default/%s/reviews"


def part(name: str, **fields: Any) -> dict[str, Any]:
    return {"@type": f"type.googleapis.com/envoy.admin.v3.{name}", **fields}


def socket(address: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port}}


def made_from(kind: str) -> dict[str, Any]:
    return {"filter_metadata": {"istio": {"config": CONFIG % kind}}}


CLUSTERS: list[dict[str, Any]] = [
    {
        "name": "outbound|9080|v1|reviews.default.svc.cluster.local",
        "type": "EDS",
        "metadata": made_from("destination-rule"),
    },
    {"name": "outbound|9080||reviews.default.svc.cluster.local", "type": "EDS"},
    {"name": "inbound|8000||", "type": "ORIGINAL_DST"},
]
LISTENER = {
    "name": "0.0.0.0_9080",
    "address": socket("0.0.0.0", 9080),
    "filter_chains": [
        {
            "filter_chain_match": {"transport_protocol": "raw_buffer", "application_protocols": ["http/1.1", "h2c"]},
            "filters": [{"name": HCM, "typed_config": {"rds": {"route_config_name": "9080"}}}],
        }
    ],
    "default_filter_chain": {"filters": [{"name": TCP, "typed_config": {"cluster": "PassthroughCluster"}}]},
}
READY = {
    "address": socket("0.0.0.0", 15021),
    "filter_chains": [{"filters": [{"name": HCM, "typed_config": {"route_config": {"virtual_hosts": [
        {"domains": ["*"], "routes": [{"match": {"path": "/healthz/ready"}, "route": {"cluster": "agent"}}]}]}}}]}],
}  # fmt: skip
ROUTE = {
    "name": "9080",
    "virtual_hosts": [
        {
            "name": "reviews.default.svc.cluster.local:9080",
            "domains": ["reviews", "reviews:9080", "reviews.default", "reviews.default.svc",
                        "reviews.default.svc.cluster.local", "10.0.0.1"],
            "routes": [
                {"match": {"prefix": "/api"}, "metadata": made_from("virtual-service")},
                {"match": {"safe_regex": {"regex": "a.*"}}},
            ],
        },
        {"name": "empty", "domains": ["x"]},
    ],
}  # fmt: skip
LOCAL = {"endpoint": {"address": socket("10.0.0.9", 80)}}
DUMP = Dump(
    {
        "configs": [
            part("BootstrapConfigDump", bootstrap={"node": {
                "metadata": {"ISTIO_VERSION": "1.28.0"},
                "user_agent_build_version": {"version": {"major_number": 1, "minor_number": 40}},
            }}),
            part("ClustersConfigDump", static_clusters=[{"cluster": {"name": "xds-grpc", "type": "STRICT_DNS"}}],
                 dynamic_active_clusters=[{"cluster": cluster} for cluster in CLUSTERS]),
            part("ListenersConfigDump", static_listeners=[{"listener": READY}],
                 dynamic_listeners=[{"active_state": {"listener": LISTENER}}]),
            part("RoutesConfigDump", dynamic_route_configs=[{"route_config": ROUTE}]),
            part("EndpointsConfigDump", dynamic_endpoint_configs=[{"endpoint_config": {
                "cluster_name": "a", "endpoints": [{"lb_endpoints": [LOCAL]}],
            }}]),
            part("SecretsConfigDump", dynamic_active_secrets=[{"secret": {"name": "default", "tls_certificate": {
                "certificate_chain": {"inline_string": "nonsense"}}}}]),
        ]
    }
)  # fmt: skip


def test_clusters_in_order_of_host() -> None:
    found = [clusters.row(item) for item in clusters.select(DUMP, clusters.Filter())]
    assert found == [
        ("", "8000", "-", "inbound", "ORIGINAL_DST", ""),
        ("reviews.default.svc.cluster.local", "9080", "-", "outbound", "EDS", ""),
        ("reviews.default.svc.cluster.local", "9080", "v1", "outbound", "EDS", "reviews.default"),
        ("xds-grpc", "-", "-", "-", "STRICT_DNS", ""),
    ]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (clusters.Filter(fqdn="reviews"), 2),
        (clusters.Filter(subset="v1"), 1),
        (clusters.Filter(direction="inbound"), 1),
        (clusters.Filter(port=9080), 2),
        (clusters.Filter(fqdn="xds-grpc"), 1),
    ],
)
def test_filters_of_clusters(wanted: clusters.Filter, count: int) -> None:
    assert len(clusters.select(DUMP, wanted)) == count


def test_listeners_say_where_connections_go() -> None:
    found = [row for item in listeners.select(DUMP, listeners.Filter()) for row in listeners.rows(item)]
    assert found == [
        ("0.0.0.0", "9080", "Trans: raw_buffer; App: http/1.1,h2c", "Route: 9080"),
        ("0.0.0.0", "9080", "ALL", "PassthroughCluster"),
        ("0.0.0.0", "15021", "ALL", "Inline Route: /healthz/ready"),
    ]
    assert [listeners.kind_of(item) for item in listeners.select(DUMP, listeners.Filter())] == ["HTTP+TCP", "HTTP"]
    assert listeners.match_text({"destination_port": 15001}) == "Addr: *:15001"
    assert listeners.select(DUMP, listeners.Filter(port=1)) == []


def test_routes_with_folded_domains() -> None:
    (config,) = routes.select(DUMP)
    name, domains = "reviews.default.svc.cluster.local:9080", "reviews, reviews.default + 1 more..."
    assert list(routes.rows(config)) == [
        ("9080", name, domains, "/api*", "reviews.default"),
        ("9080", name, domains, "regex a.*", ""),
        ("9080", "empty", "x", "/*", "404"),
    ]


def test_endpoints_from_statuses_and_from_a_dump() -> None:
    body = {"cluster_statuses": [{"name": "a", "host_statuses": [
        {"address": socket("10.0.0.9", 80), "health_status": {"eds_health_status": "HEALTHY",
                                                              "failed_outlier_check": True}},
        {"address": {"pipe": {"path": "/x"}}, "health_status": {"eds_health_status": "UNHEALTHY"}},
    ]}]}  # fmt: skip
    rows = [item.row for item in endpoints.select(body, endpoints.Filter())]
    assert rows == [("10.0.0.9:80", "HEALTHY", "FAILED", "a"), ("unix:///x", "UNHEALTHY", "OK", "a")]
    assert len(endpoints.select(body, endpoints.Filter(status="healthy"))) == 1
    assert [item.row for item in endpoints.select(endpoints.from_dump(DUMP), endpoints.Filter())] == [
        ("10.0.0.9:80", "HEALTHY", "OK", "a")
    ]


def test_a_secret_that_is_no_certificate_is_said_to_be_invalid() -> None:
    (row,) = secrets.rows(DUMP, datetime.now(UTC))
    assert row == ("default", "Cert Chain", "ACTIVE", "false", "", "", "")


def test_the_start_of_a_proxy() -> None:
    assert bootstrap.summary(DUMP)[-1] == "Envoy Version:          1.40.0"


def test_anything_else_is_no_dump() -> None:
    with pytest.raises(ValueError, match="not a config dump"):
        Dump({"a": 1})


def test_what_istiod_wants_against_what_envoy_has() -> None:
    cds = {str(item["name"]): {"resource": item} for item in CLUSTERS}
    wanted: dict[str, Any] = {"configs": {"CDS": cds, "RDS": {"9080": {"resource": ROUTE}}}}
    same = compare(wanted, DUMP.body)
    assert (same.lines, same.same) == (["Clusters Match", "Listeners Match", "Routes Match"], True)
    wanted["configs"]["RDS"]["9080"] = {"resource": {**ROUTE, "name": "other"}}
    different = compare(wanted, DUMP.body)
    assert not different.same
    assert "Routes Don't Match" in different.lines
    assert '-  "name": "other",' in different.lines
