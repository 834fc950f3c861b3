"""Istio Service Dashboard: one service as its clients see it and as its workloads do."""

from __future__ import annotations

from scripts.dashboards.parts import Json, Section, choice, dashboard, reporter
from scripts.dashboards.sides import by, summary
from scripts.dashboards.uids import SERVICE

_ANY = '{__name__=~"istio_requests_total|istio_tcp_sent_bytes_total", destination_service=~"$service"}'
_SOURCES = 'source_workload=~"$srcwl", source_workload_namespace=~"$srcns"'
_DESTINATIONS = 'destination_workload=~"$dstwl", destination_workload_namespace=~"$dstns"'


def service() -> Json:
    client = 'reporter=~"$qrep", destination_service=~"$service"'
    server = 'reporter="destination", destination_service=~"$service"'
    return dashboard(
        SERVICE, "Istio Service Dashboard", "Traffic to one service, by who sent it and by which workload answered.",
        [
            Section("$service", [*summary(client, "by clients"), *summary(server, "by servers")]),
            Section("Clients", by(f"{client}, {_SOURCES}", "source_workload, source_workload_namespace",
                                  "{{source_workload}}.{{source_workload_namespace}}", "source", secured=False)),
            Section("Workloads", by(f"{server}, {_DESTINATIONS}",
                                    "destination_workload, destination_workload_namespace",
                                    "{{destination_workload}}.{{destination_workload_namespace}}", "workload",
                                    secured=True)),
        ],
        [
            choice("service", "Service", 'label_values({__name__=~"istio_requests_total|istio_tcp_sent_bytes_total"}, '
                                         "destination_service)"),
            reporter(),
            choice("srcns", "Client namespace", f"label_values({_ANY}, source_workload_namespace)", many=True),
            choice("srcwl", "Client workload", f"label_values({_ANY}, source_workload)", many=True),
            choice("dstns", "Service namespace", f"label_values({_ANY}, destination_workload_namespace)", many=True),
            choice("dstwl", "Service workload", f"label_values({_ANY}, destination_workload)", many=True),
        ],
    )  # fmt: skip
