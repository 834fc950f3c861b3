"""A Deployment behind several Services must have one protocol per port. IST0116, 0137."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found, selects
from tejer.istiod.checks.analyzers.injected import INJECT, is_injected
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds import apps
from tejer.kube.problem import Problem
from tejer.kube.types import DEPLOYMENTS, NAMESPACES, SERVICES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    deployment: apps.Deployment = item.value
    template = deployment.spec.template
    if template is None or not is_injected(item.namespace, view):
        return
    metadata = template.metadata
    if "false" in (metadata.labels.get(INJECT), metadata.annotations.get(INJECT)):
        return
    chosen = [
        service
        for service in view.within(SERVICES, item.namespace)
        if service.value.spec.selector and selects(service.value.spec.selector, metadata.labels)
    ]
    yield from _protocols(item, chosen)
    yield from _target_ports(item, chosen)


def _protocols(item: Item, services: list[Item]) -> Iterator[Problem]:
    by_port: dict[int, dict[str, list[str]]] = {}
    for service in services:
        for port in service.value.spec.ports:
            names = by_port.setdefault(port.port or 0, {}).setdefault(port.protocol or "TCP", [])
            names.append(service.name)
    for number, by_protocol in sorted(by_port.items()):
        if len(by_protocol) > 1:
            names = sorted({name for group in by_protocol.values() for name in group})
            yield found(
                item, "IST0116",
                f"This deployment {item.name} is associated with multiple services using port {number} but different "
                f"protocols: {names}",
            )  # fmt: skip


def _target_ports(item: Item, services: list[Item]) -> Iterator[Problem]:
    by_target: dict[str, dict[int, str]] = {}
    for service in services:
        for port in service.value.spec.ports:
            target = str(port.target_port or port.port)
            by_target.setdefault(target, {})[port.port or 0] = service.name
    for target, by_port in sorted(by_target.items()):
        if len(by_port) > 1 and len(set(by_port.values())) > 1:
            yield found(
                item, "IST0137",
                f"This deployment {item.name} is associated with multiple services "
                f"{sorted(set(by_port.values()))} using targetPort {target} but different ports: "
                f"{sorted(by_port)}.",
            )  # fmt: skip


ANALYZER = Analyzer("deployment.MultiServiceAnalyzer", (DEPLOYMENTS,), (SERVICES, NAMESPACES), analyze)
