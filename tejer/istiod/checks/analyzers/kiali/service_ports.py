"""Named target ports that no pod of the Service has: the port has no endpoints. KIA0701.

A number needs no `ports` entry in the pod, so, other than Kiali, numbers are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import PODS, SERVICES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    spec = item.value.spec
    pods = view.pods(spec.selector, item.namespace) if spec.selector else []
    named = {
        port.name
        for pod in pods
        for container in (*pod.value.spec.containers, *pod.value.spec.init_containers)
        for port in container.ports
    }
    for index, port in enumerate(spec.ports if pods else ()):
        if isinstance(port.target_port, str) and not port.target_port.isdigit() and port.target_port not in named:
            yield found(
                item, "KIA0701", f"No pod of the Service has a port named {port.target_port!r}.",
                f"spec.ports[{index}].targetPort",
            )  # fmt: skip


ANALYZER = Analyzer("kiali.ServicePortsAnalyzer", (SERVICES,), (PODS,), analyze)
