"""Istio Performance Dashboard: what the mesh itself costs, in processors and memory.

Containers' numbers come from the kubelet (cAdvisor) on clusters that have one; Envoy and istiod tell their own beside.
"""

from __future__ import annotations

from scripts.dashboards.expressions import CLIENT, RATE, requests
from scripts.dashboards.parts import Json, Query, Section, dashboard, lines, stat, text
from scripts.dashboards.sides import components
from scripts.dashboards.uids import PERFORMANCE

_ISTIOD = 'app="istiod"'
_CONTAINER_CPU = "container_cpu_usage_seconds_total"
_CONTAINER_MEMORY = "container_memory_working_set_bytes"


def performance() -> Json:
    cpu = f'sum(rate({_CONTAINER_CPU}{{container="istio-proxy"}}[{RATE}]))'
    own_memory = "envoy_server_memory_physical_size"
    istiod_cpu = f"rate(process_cpu_seconds_total{{{_ISTIOD}}}[{RATE}])"

    def busiest(metric: str) -> list[Query]:
        return [Query(f"topk(20, max by (namespace, pod) ({metric}))", "{{pod}}.{{namespace}}")]

    return dashboard(
        PERFORMANCE, "Istio Performance Dashboard", "Processor time and memory of the proxies and of istiod.",
        [
            Section("", [
                text("Memory of proxies is Envoy's own figure. Panels of *containers* need a cluster whose kubelet is "
                     "scraped (cAdvisor); elsewhere they have no data.", height=2),
                stat("Proxies", f"count({own_memory})", "short", graph=False),
                stat("Memory of a proxy, mean", f"avg({own_memory})", "bytes"),
                stat("Memory of all proxies", f"sum({own_memory})", "bytes"),
                stat("Requests", requests(CLIENT), "reqps"),
                stat("istiod, memory", f"sum(process_resident_memory_bytes{{{_ISTIOD}}})", "bytes"),
                stat("istiod, processors", f"sum({istiod_cpu})", "short", decimals=3),
            ]),
            Section("Proxies", [
                lines("Memory by pod", "bytes",
                      busiest(own_memory), width=12),
                lines("Heap by pod", "bytes",
                      busiest("envoy_server_memory_allocated"), width=12),
                lines("Connections by pod", "short",
                      busiest("envoy_server_total_connections")),
                lines("Bytes of requests and responses", "Bps", [
                    Query(f'sum(rate(istio_request_bytes_sum{{reporter="source"}}[{RATE}]))', "requests"),
                    Query(f'sum(rate(istio_response_bytes_sum{{reporter="source"}}[{RATE}]))', "responses"),
                ]),
                components(8),
            ]),
            Section("istiod", [
                lines("Memory", "bytes", [
                    Query(f"sum by (pod) (process_resident_memory_bytes{{{_ISTIOD}}})", "{{pod}} resident"),
                    Query(f"sum by (pod) (go_memstats_heap_alloc_bytes{{{_ISTIOD}}})", "{{pod}} heap"),
                ]),
                lines("Processors", "short",
                      [Query(f"sum by (pod) ({istiod_cpu})", "{{pod}}")]),
                lines("Open files", "short", [Query(f"sum by (pod) (process_open_fds{{{_ISTIOD}}})", "{{pod}}")]),
            ]),
            Section("Containers", [
                lines("Processors", "short",
                      [Query(f'sum by (pod) (rate({_CONTAINER_CPU}{{container=~"istio-proxy|discovery"}}[{RATE}]))')]),
                lines("Processors for 1,000 requests/s", "short",
                      [Query(f"{cpu} / ({requests(CLIENT)} / 1000)", "proxies")]),
                lines("Memory", "bytes",
                      [Query(f'sum by (pod) ({_CONTAINER_MEMORY}{{container=~"istio-proxy|discovery"}})')]),
            ]),
        ],
    )  # fmt: skip
