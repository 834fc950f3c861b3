"""Services, Deployments and pods that the mesh can't serve as they are. IST0116, 0118, 0137, 0144, 0150, 0171."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tejer.istiod.checks import protocols
from tejer.istiod.checks.analyzers.injection import INJECT, injected_namespaces, is_system
from tejer.istiod.checks.workloads import names_protocol
from tejer.istiod.checks.world import Analyzer, Typed, World, found, selects
from tejer.kube.kinds import apps, core
from tejer.kube.problem import Problem
from tejer.kube.resource import Body
from tejer.kube.types import DEPLOYMENTS, NAMESPACES, PODS, SERVICES

PROXY_UID = 1337
OURS = ("istio.io/", "gateway.networking.k8s.io/")
ACCEPTED = ("ZtunnelAccepted", "WaypointAccepted")


def analyze_port_names(world: World) -> Iterator[Problem]:
    for item in world.typed(SERVICES, core.Service):
        service: core.Service = item.value
        if is_system(item.namespace, world):
            continue
        for index, port in enumerate(service.spec.ports):
            field = f"spec.ports[{index}].name"
            named = names_protocol(port.name)
            if service.spec.type == "ExternalName":
                if not named or protocols.parse(port.name.partition("-")[0]) == "TCP":
                    yield found(
                        item.body, "IST0150",
                        "Port name for ExternalName service is invalid. Proxy may prevent tcp named ports and "
                        "unmatched traffic for ports serving TCP protocol from being forwarded correctly",
                        field,
                    )  # fmt: skip
            elif not named and not port.app_protocol:
                yield found(
                    item.body, "IST0118",
                    f"Port name {port.name} (port: {port.port}, targetPort: {port.target_port or port.port}) doesn't "
                    "follow the naming convention of Istio port.",
                    field, hint=f"name it http-{port.name or port.port}, or set appProtocol",
                )  # fmt: skip


def analyze_services_of(world: World) -> Iterator[Problem]:
    """A Deployment behind several Services must have one protocol per port."""
    injected = injected_namespaces(world)
    services = world.typed(SERVICES, core.Service)
    for item in world.typed(DEPLOYMENTS, apps.Deployment):
        deployment: apps.Deployment = item.value
        template = deployment.spec.template
        if template is None or item.namespace not in injected:
            continue
        metadata = template.metadata
        if "false" in (metadata.labels.get(INJECT), metadata.annotations.get(INJECT)):
            continue
        chosen = [
            service
            for service in services
            if service.namespace == item.namespace
            and service.value.spec.selector
            and selects(service.value.spec.selector, template.metadata.labels)
        ]
        yield from _protocols(item, chosen)
        yield from _target_ports(item, chosen)


def _protocols(item: Typed, services: list[Typed]) -> Iterator[Problem]:
    by_port: dict[int, dict[str, list[str]]] = {}
    for service in services:
        for port in service.value.spec.ports:
            names = by_port.setdefault(port.port or 0, {}).setdefault(port.protocol or "TCP", [])
            names.append(service.name)
    for number, by_protocol in sorted(by_port.items()):
        if len(by_protocol) > 1:
            names = sorted({name for group in by_protocol.values() for name in group})
            yield found(
                item.body, "IST0116",
                f"This deployment {item.name} is associated with multiple services using port {number} but different "
                f"protocols: {names}",
            )  # fmt: skip


def _target_ports(item: Typed, services: list[Typed]) -> Iterator[Problem]:
    by_target: dict[str, dict[int, str]] = {}
    for service in services:
        for port in service.value.spec.ports:
            target = str(port.target_port or port.port)
            by_target.setdefault(target, {})[port.port or 0] = service.name
    for target, by_port in sorted(by_target.items()):
        if len(by_port) > 1 and len(set(by_port.values())) > 1:
            yield found(
                item.body, "IST0137",
                f"This deployment {item.name} is associated with multiple services "
                f"{sorted(set(by_port.values()))} using targetPort {target} but different ports: "
                f"{sorted(by_port)}.",
            )  # fmt: skip


def analyze_uid(world: World) -> Iterator[Problem]:
    """The proxy's user ID is not captured: an app that has it bypasses the mesh."""
    for item in world.typed(PODS, core.Pod):
        if not is_system(item.namespace, world) and _runs_as_proxy(item.value.spec):
            yield _uid_message(item.body)
    for item in world.typed(DEPLOYMENTS, apps.Deployment):
        template = item.value.spec.template
        if template is not None and not is_system(item.namespace, world) and _runs_as_proxy(template.spec):
            yield _uid_message(item.body)


def _uid_message(body: Body) -> Problem:
    return found(body, "IST0144", f"User ID (UID) {PROXY_UID} is reserved for the sidecar proxy.")


def _runs_as_proxy(spec: core.PodSpec) -> bool:
    for container in spec.containers:
        context = container.security_context
        if container.name not in ("istio-proxy", "operator") and context and context.run_as_user == PROXY_UID:
            return True
    pod = spec.security_context
    return pod is not None and pod.run_as_user == PROXY_UID


def analyze_conditions(world: World) -> Iterator[Problem]:
    """A condition of ours with a negative status says what did not take effect."""
    for body in world.all():
        for condition in _conditions(body):
            kind, status = str(condition.get("type", "")), condition.get("status")
            partial = kind in ACCEPTED and condition.get("reason") == "PartiallyInvalid"
            if partial or (status == "False" and _is_ours(kind, body)):
                yield found(
                    body, "IST0171",
                    f'Negative condition "{kind}" found on resource: {condition.get("reason")}: '
                    f"{condition.get('message')}",
                    "status.conditions",
                )  # fmt: skip


def _is_ours(condition: str, body: Body) -> bool:
    if "/" in condition:
        return condition.startswith(OURS)
    group = str(body.get("apiVersion", "")).rpartition("/")[0]
    return group.endswith("istio.io") or group == "gateway.networking.k8s.io"


def _conditions(body: Body) -> Iterator[Mapping[str, Any]]:
    status = body.get("status")
    if not isinstance(status, dict):
        return
    for holder in (status, *(status.get("parents") or ())):
        if isinstance(holder, dict):
            yield from (item for item in holder.get("conditions") or () if isinstance(item, dict))


ANALYZERS = (
    Analyzer("conditions.ConditionAnalyzer", (), analyze_conditions),
    Analyzer("deployment.MultiServiceAnalyzer", (DEPLOYMENTS, SERVICES, NAMESPACES), analyze_services_of),
    Analyzer("applicationUID.Analyzer", (), analyze_uid),
    Analyzer("service.PortNameAnalyzer", (SERVICES,), analyze_port_names),
)
