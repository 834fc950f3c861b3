"""Istio Mesh Dashboard: how the whole mesh does, and a table of workloads that leads to theirs."""

from __future__ import annotations

from scripts.dashboards.expressions import CLIENT, DURATION, QUANTILES, per, quantile, rate, requests, success
from scripts.dashboards.parts import Column, Json, Panel, Query, Section, dashboard, lines, stat, table
from scripts.dashboards.sides import components
from scripts.dashboards.uids import MESH, SERVICE, WORKLOAD

_BY = "destination_service, destination_workload, destination_workload_namespace"
_TO_SERVICE = f"/d/{SERVICE}?var-service=${{__data.fields.destination_service}}&${{__url_time_range}}"
_TO_WORKLOAD = (
    f"/d/{WORKLOAD}?var-namespace=${{__data.fields.destination_workload_namespace}}"
    "&var-workload=${__data.fields.destination_workload}&${__url_time_range}"
)
_WHERE = (
    Column("destination_service", "Service", link=_TO_SERVICE),
    Column("destination_workload", "Workload", link=_TO_WORKLOAD),
    Column("destination_workload_namespace", "Namespace"),
)
_SUCCESS_STEPS = ((None, "red"), (0.95, "orange"), (0.99, "green"))


def mesh() -> Json:
    known = f'{CLIENT}, destination_workload!="unknown"'
    http = [
        requests(known, _BY),
        *(quantile(q, DURATION, known, _BY) for q in QUANTILES),
        success(known, _BY),
    ]
    tcp = [
        per(_BY, rate("istio_tcp_sent_bytes_total", known)),
        per(_BY, rate("istio_tcp_received_bytes_total", known)),
        per(_BY, rate("istio_tcp_connections_opened_total", known)),
    ]
    return dashboard(
        MESH, "Istio Mesh Dashboard",
        "Requests, failures and durations of all workloads, measured by the proxies that sent them.",
        [
            Section("", _summary()),
            Section("", [
                lines("Requests by response code", "reqps",
                      [Query(requests(CLIENT, "response_code"), "{{response_code}}")], stacked=True),
                lines("Request duration", "ms",
                      [Query(quantile(q, DURATION, CLIENT), f"p{q * 100:g}") for q in QUANTILES]),
                lines("Requests by service", "reqps",
                      [Query(f"topk(10, {requests(CLIENT, 'destination_service_name, destination_service_namespace')})",
                             "{{destination_service_name}}.{{destination_service_namespace}}")],
                      description="The ten busiest services."),
            ]),
            Section("Workloads", [
                table("HTTP and gRPC", http, [
                    *_WHERE,
                    Column("Value #A", "Requests", "reqps", width=120),
                    Column("Value #B", "p50", "ms", width=110),
                    Column("Value #C", "p90", "ms", width=110),
                    Column("Value #D", "p99", "ms", width=110),
                    Column("Value #E", "Success", "percentunit", width=110, steps=_SUCCESS_STEPS),
                ], "Requests", height=7, description="Workloads that got requests, by the service they were sent to."),
                table("TCP", tcp, [
                    *_WHERE,
                    Column("Value #A", "Sent to client", "Bps", width=140),
                    Column("Value #B", "Received from client", "Bps", width=170),
                    Column("Value #C", "Connections opened", "cps", width=170),
                ], "Sent to client", height=5),
            ]),
            Section("Istio", [
                components(12),
                lines("Proxies connected to istiod", "short", [Query("sum(pilot_xds)", "proxies")], width=12),
            ]),
        ],
    )  # fmt: skip


def _summary() -> list[Panel]:
    bad = requests(f'{CLIENT}, response_code=~"4.."')
    failed = requests(f'{CLIENT}, response_code=~"5.."')
    tcp = (per("", rate(f"istio_tcp_{way}_bytes_total", CLIENT)) for way in ("sent", "received"))
    good = [(0.95, "orange"), (0.99, "green")]
    return [
        stat("Requests", requests(CLIENT), "reqps"),
        stat("Success rate", success(CLIENT), "percentunit", decimals=2, base="red", steps=good,
             description="The share of answers other than 5xx."),
        stat("4xx", f"{bad} or vector(0)", "reqps", base="green", steps=[(0.01, "orange")]),
        stat("5xx", f"{failed} or vector(0)", "reqps", base="green", steps=[(0.01, "red")]),
        stat("Duration, p99", quantile(0.99, DURATION, CLIENT), "ms"),
        stat("TCP", " + ".join(tcp), "Bps", description="Bytes of connections that aren't HTTP, both ways."),
    ]  # fmt: skip
