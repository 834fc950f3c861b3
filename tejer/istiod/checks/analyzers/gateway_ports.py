"""Each server's port must be a port, or a target port, of a Service that selects the gateway's pods. IST0101, 0162."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found, label_text, selects
from tejer.istiod.checks.analyzers.gateway_pods import DEFAULT_SELECTOR, no_workload
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds import core
from tejer.kube.kinds.istio_networking import Gateway
from tejer.kube.problem import Problem
from tejer.kube.types import GATEWAYS, PODS, SERVICES

DEFAULT_PORTS = (15021, 80, 443, 8080, 8443, 31400, 15443)


def analyze(item: Item, view: View) -> Iterator[Problem]:
    gateway: Gateway = item.value
    pods = view.pods(gateway.spec.selector)
    open_ports = {port for pod in pods for port in _service_ports(view, pod)}
    if not pods:
        if gateway.spec.selector != DEFAULT_SELECTOR:
            yield no_workload(item)
            return
        open_ports = set(DEFAULT_PORTS)  # not among the objects at hand, but part of every installation
    for index, server in enumerate(gateway.spec.servers):
        if server.port is not None and server.port.number and server.port.number not in open_ports:
            yield found(
                item, "IST0162",
                f"The gateway is listening on a target port (port {server.port.number}) that is not defined in the "
                f"Service associated with its workload instances (Pod selector {label_text(gateway.spec.selector)}). "
                "If you need to access the gateway port through the gateway Service, it will not be available.",
                f"spec.servers[{index}].port",
            )  # fmt: skip


def _service_ports(view: View, pod: Item) -> Iterator[int]:
    for item in view.within(SERVICES, pod.namespace):
        spec: core.ServiceSpec = item.value.spec
        if not spec.selector or not selects(spec.selector, pod.labels):
            continue
        for port in spec.ports:
            if port.protocol in ("", "TCP"):
                target = port.target_port
                yield port.port or 0
                yield target if isinstance(target, int) else _named_port(pod, target) or 0


def _named_port(pod: Item, name: str | None) -> int | None:
    for container in pod.value.spec.containers:
        for port in container.ports:
            if name and port.name == name:
                number: int | None = port.container_port
                return number
    return None


ANALYZER = Analyzer("gateway.IngressGatewayPortAnalyzer", (GATEWAYS,), (PODS, SERVICES), analyze)
