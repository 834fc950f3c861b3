"""Weights that are not used, and destinations named twice in a route. KIA1104, KIA1105."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds.istio_networking import HTTPRouteDestination, RouteDestination
from tejer.kube.problem import Problem
from tejer.kube.types import VIRTUALSERVICES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    spec = item.value.spec
    for name, routes in (("http", spec.http), ("tls", spec.tls), ("tcp", spec.tcp)):
        for index, route in enumerate(routes):
            yield from _destinations(item, route.route, f"spec.{name}[{index}].route", view)


def _destinations(
    item: Item, routes: Sequence[HTTPRouteDestination | RouteDestination], path: str, view: View
) -> Iterator[Problem]:
    if len(routes) == 1 and routes[0].weight not in (None, 0, 100):
        text = f"The weight {routes[0].weight} is not used: with one destination all requests go there."
        yield found(item, "KIA1104", text, f"{path}[0].weight")
    seen: set[tuple[str, str, int | None]] = set()
    for index, route in enumerate(routes):
        to = route.destination
        if to is None:
            continue
        port = to.port.number if to.port is not None else None
        key = (view.resolve(to.host, item.namespace), to.subset, port)
        if key in seen:
            where = f"{to.host}, subset {to.subset}" if to.subset else to.host
            yield found(item, "KIA1105", f"{where} is already a destination of this route.",
                        f"{path}[{index}].destination", "add the weights up")  # fmt: skip
        seen.add(key)


ANALYZER = Analyzer("kiali.RouteWeightsAnalyzer", (VIRTUALSERVICES,), (), analyze)
