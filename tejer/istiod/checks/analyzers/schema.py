"""The webhook's verdict on every Istio object, as an analyzer per kind. IST0106, 0130, 0131, 0133."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.validation import validate
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem, Severity
from tejer.kube.types import ISTIO_TYPES

NAME = "schema.ValidationAnalyzer"
SAID = {"IST0106": "Schema validation error: ", "IST0133": "Schema validation warning: "}


def analyze(item: Item, _: View) -> Iterator[Problem]:
    for problem in validate(item.body):
        code = problem.code or ("IST0106" if problem.severity is Severity.ERROR else "IST0133")
        message = f"{SAID[code]}{problem.field}: {problem.message}" if code in SAID else problem.message
        yield found(item, code, message, problem.field, problem.hint)


ANALYZERS = tuple(Analyzer(f"{NAME}.{rtype.kind}", (rtype,), (), analyze, raw=True) for rtype in ISTIO_TYPES)
