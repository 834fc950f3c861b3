"""Istio Workload Dashboard: what one workload receives and what it sends."""

from __future__ import annotations

from scripts.dashboards.parts import Json, Section, choice, dashboard, reporter
from scripts.dashboards.sides import by, summary
from scripts.dashboards.uids import WORKLOAD

_NAMES = '__name__=~"istio_requests_total|istio_tcp_sent_bytes_total"'
_RECEIVED = 'destination_workload_namespace=~"$namespace", destination_workload=~"$workload"'
_SENT = 'source_workload_namespace=~"$namespace", source_workload=~"$workload"'


def workload() -> Json:
    received = f'reporter=~"$qrep", {_RECEIVED}'
    sent = f'reporter="source", {_SENT}'
    sources = 'source_workload=~"$srcwl", source_workload_namespace=~"$srcns"'
    return dashboard(
        WORKLOAD, "Istio Workload Dashboard", "Traffic of one workload: what reaches it, and what it asks of others.",
        [
            Section("$workload.$namespace", [*summary(received, "inbound"), *summary(sent, "outbound")]),
            Section("Inbound", by(f"{received}, {sources}", "source_workload, source_workload_namespace",
                                  "{{source_workload}}.{{source_workload_namespace}}", "source", secured=False)),
            Section("Outbound", by(f'{sent}, destination_service=~"$dstsvc"', "destination_service",
                                   "{{destination_service}}", "destination", secured=False)),
        ],
        [
            choice("namespace", "Namespace", f"label_values({{{_NAMES}, destination_workload_namespace!=\"unknown\"}}, "
                                             "destination_workload_namespace)"),
            choice("workload", "Workload",
                   f"label_values({{{_NAMES}, destination_workload_namespace=~\"$namespace\"}}, destination_workload)"),
            reporter(),
            choice("srcns", "Inbound namespace",
                   f"label_values({{{_NAMES}, {_RECEIVED}}}, source_workload_namespace)", many=True),
            choice("srcwl", "Inbound workload", f"label_values({{{_NAMES}, {_RECEIVED}}}, source_workload)", many=True),
            choice("dstsvc", "Destination", f"label_values({{{_NAMES}, {_SENT}}}, destination_service)", many=True),
        ],
    )  # fmt: skip
