"""Istio Control Plane Dashboard: whether istiod's configuration reaches the proxies, and how fast."""

from __future__ import annotations

from scripts.dashboards.expressions import QUANTILES, RATE
from scripts.dashboards.parts import Json, Panel, Query, Section, dashboard, heatmap, lines, stat
from scripts.dashboards.uids import CONTROL_PLANE

_ISTIOD = 'app="istiod"'


def control_plane() -> Json:
    return dashboard(
        CONTROL_PLANE, "Istio Control Plane Dashboard",
        "istiod: its pushes to proxies, what they rejected, its webhooks, its certificate authority, its own cost.",
        [
            Section("", _summary()),
            Section("Configuration to proxies", [
                lines("Pushes by type", "ops", [Query(f"sum by (type) (rate(pilot_xds_pushes[{RATE}]))", "{{type}}")],
                      stacked=True),
                lines("Until proxies have it", "s", [
                    Query(f"histogram_quantile({q:g}, sum by (le) (rate(pilot_proxy_convergence_time_bucket[{RATE}])))",
                          f"p{q * 100:g}") for q in QUANTILES
                ], description="From a change of configuration to its push, in seconds."),
                heatmap("Time of a push", "s", f"sum by (le) (rate(pilot_xds_push_time_bucket[{RATE}]))"),
                lines("Rejected by proxies", "short",
                      [Query("sum by (type) (pilot_total_xds_rejects)", "{{type}}"),
                       Query(f"sum(rate(pilot_total_xds_internal_errors[{RATE}]))", "internal errors")]),
                lines("Connections", "short", [
                    Query("sum(pilot_xds)", "as istiod counts them"),
                    Query('sum(envoy_cluster_upstream_cx_active{cluster_name="xds-grpc"})', "as proxies count them"),
                ]),
                lines("Causes of pushes", "ops",
                      [Query(f"sum by (type) (rate(pilot_push_triggers[{RATE}]))", "{{type}}")], stacked=True),
            ]),
            Section("What istiod knows", [
                lines("Objects that changed", "ops",
                      [Query(f"sum by (type, event) (rate(pilot_k8s_cfg_events[{RATE}]))", "{{type}} {{event}}"),
                       Query(f"sum by (type) (rate(pilot_inbound_updates[{RATE}]))", "{{type}}")]),
                lines("Services and virtual services", "short",
                      [Query("sum(pilot_services)", "services"),
                       Query("sum(pilot_virt_services)", "virtual services")]),
                lines("Conflicts", "short", [
                    Query("sum by (__name__) ({__name__=~\"pilot_conflict_.+|pilot_no_ip|pilot_eds_no_instances\"})"),
                ]),
            ]),
            Section("Webhooks and certificates", [
                lines("Validation", "ops", [
                    Query(f"sum(rate(galley_validation_passed[{RATE}]))", "accepted"),
                    Query(f"sum(rate(galley_validation_failed[{RATE}]))", "refused"),
                ]),
                lines("Injection", "ops", [
                    Query(f"sum(rate(sidecar_injection_success_total[{RATE}]))", "injected"),
                    Query(f"sum(rate(sidecar_injection_failure_total[{RATE}]))", "failed"),
                    Query(f"sum(rate(sidecar_injection_skip_total[{RATE}]))", "left out"),
                ]),
                lines("Certificates", "ops", [
                    Query(f"sum(rate(citadel_server_success_cert_issuance_count[{RATE}]))", "issued"),
                    Query(f"sum(rate(citadel_server_csr_count[{RATE}]))", "asked for"),
                    Query(f"sum(rate(citadel_server_authentication_failure_count[{RATE}]))", "wrong identity"),
                    Query(f"sum(rate(citadel_server_csr_parsing_err_count[{RATE}]))", "unreadable"),
                ]),
            ]),
            Section("Process", [
                lines("Memory", "bytes", [
                    Query(f"sum by (pod) (process_resident_memory_bytes{{{_ISTIOD}}})", "{{pod}} resident"),
                    Query(f"sum by (pod) (process_virtual_memory_bytes{{{_ISTIOD}}})", "{{pod}} virtual"),
                ]),
                lines("Processors", "short",
                      [Query(f"sum by (pod) (rate(process_cpu_seconds_total{{{_ISTIOD}}}[{RATE}]))", "{{pod}}")]),
                lines("Version", "short", [Query('sum by (tag) (istio_build{component="pilot"})', "{{tag}}"),
                                           Query("sum by (version) (pilot_info)", "{{version}}")]),
            ]),
        ],
    )  # fmt: skip


def _summary() -> list[Panel]:
    expiry = "min(citadel_server_root_cert_expiry_timestamp) - time()"
    return [
        stat("Proxies connected", "sum(pilot_xds)", "short", graph=False),
        stat("Pushes", f"sum(rate(pilot_xds_pushes[{RATE}]))", "ops"),
        stat("Rejected configurations", "sum(pilot_total_xds_rejects) or vector(0)", "short", base="green",
             steps=[(1, "red")]),
        stat("Until proxies have it, p99",
             f"histogram_quantile(0.99, sum by (le) (rate(pilot_proxy_convergence_time_bucket[{RATE}])))", "s"),
        stat("Refused by validation", "sum(galley_validation_failed) or vector(0)", "short", base="green",
             steps=[(1, "orange")]),
        stat("Root certificate expires in", expiry, "s", graph=False, base="red",
             steps=[(7 * 86400, "orange"), (30 * 86400, "green")]),
    ]  # fmt: skip
