"""Namespaces in exportTo that do not exist. KIA0005."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import DESTINATIONRULES, NAMESPACES, SERVICEENTRIES, VIRTUALSERVICES

WORDS = ("*", ".", "~")


def analyze(item: Item, view: View) -> Iterator[Problem]:
    for index, name in enumerate(item.value.spec.export_to):
        if name not in WORDS and view.get(NAMESPACES, "", name) is None:
            yield found(item, "KIA0005", f"There is no namespace {name!r} to export to.", f"spec.exportTo[{index}]")


ANALYZER = Analyzer(
    "kiali.ExportToAnalyzer", (VIRTUALSERVICES, DESTINATIONRULES, SERVICEENTRIES), (NAMESPACES,), analyze
)
