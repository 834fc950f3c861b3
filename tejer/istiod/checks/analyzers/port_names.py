"""Port names tell the mesh the protocol; without one it has to guess. IST0118, 0150."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks import protocols
from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.injected import is_system
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.istiod.checks.workloads import names_protocol
from tejer.kube.kinds import core
from tejer.kube.problem import Problem
from tejer.kube.types import SERVICES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    service: core.Service = item.value
    if is_system(item.namespace, view):
        return
    for index, port in enumerate(service.spec.ports):
        field = f"spec.ports[{index}].name"
        named = names_protocol(port.name)
        if service.spec.type == "ExternalName":
            if not named or protocols.parse(port.name.partition("-")[0]) == "TCP":
                yield found(
                    item, "IST0150",
                    "Port name for ExternalName service is invalid. Proxy may prevent tcp named ports and unmatched "
                    "traffic for ports serving TCP protocol from being forwarded correctly",
                    field,
                )  # fmt: skip
        elif not named and not port.app_protocol:
            yield found(
                item, "IST0118",
                f"Port name {port.name} (port: {port.port}, targetPort: {port.target_port or port.port}) doesn't "
                "follow the naming convention of Istio port.",
                field, hint=f"name it http-{port.name or port.port}, or set appProtocol",
            )  # fmt: skip


ANALYZER = Analyzer("service.PortNameAnalyzer", (SERVICES,), (), analyze)
