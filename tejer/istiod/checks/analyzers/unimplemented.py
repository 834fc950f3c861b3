"""Objects and fields that have no effect in this version. TEJ0001."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.unimplemented import not_yet
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import ISTIO_TYPES


def analyze(item: Item, _: View) -> Iterator[Problem]:
    yield from not_yet(item.body)


ANALYZER = Analyzer("tejer.UnimplementedAnalyzer", ISTIO_TYPES, (), analyze)
