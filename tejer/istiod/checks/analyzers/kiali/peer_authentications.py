"""PeerAuthentications of which only the oldest is used. KIA0002, KIA0003."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found, selects
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import PEERAUTHENTICATIONS, PODS


def analyze(item: Item, view: View) -> Iterator[Problem]:
    others = [other for other in view.within(PEERAUTHENTICATIONS, item.namespace) if other.key != item.key]
    selector = _selector(item)
    if not selector:
        rivals = [other.name for other in others if not _selector(other)]
        if rivals:
            yield found(
                item, "KIA0002",
                f"More than one PeerAuthentication for the whole namespace {item.namespace}: {', '.join(rivals)}. Only "
                "the oldest is used.",
            )  # fmt: skip
        return
    for pod in view.pods(selector, item.namespace):
        rivals = [other.name for other in others if _selector(other) and selects(_selector(other), pod.labels)]
        if rivals:
            yield found(
                item, "KIA0003",
                f"More than one PeerAuthentication selects the pod {pod.name}: {', '.join(rivals)} too. Only the "
                "oldest is used.",
                "spec.selector.matchLabels",
            )  # fmt: skip
            return


def _selector(item: Item) -> dict[str, str]:
    selector = item.value.spec.selector
    return selector.match_labels if selector is not None else {}


ANALYZER = Analyzer("kiali.PeerAuthenticationsAnalyzer", (PEERAUTHENTICATIONS,), (PODS,), analyze)
