"""The webhook's verdict on every Istio object, as an analyzer per kind. IST0106, 0130, 0131, 0133."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tejer.istiod.checks.validation import validate
from tejer.istiod.checks.world import Analyzer, World, found
from tejer.kube.problem import Problem, Severity
from tejer.kube.types import ISTIO_TYPES, ResourceType


def analyze(rtype: ResourceType, world: World) -> Iterator[Problem]:
    for body in world.of(rtype):
        for problem in validate(body):
            code = problem.code or ("IST0106" if problem.severity is Severity.ERROR else "IST0133")
            if code == "IST0106":
                message = f"Schema validation error: {problem.field}: {problem.message}"
            elif code == "IST0133":
                message = f"Schema validation warning: {problem.field}: {problem.message}"
            else:
                message = problem.message
            yield found(body, code, message, problem.field, problem.hint)


ANALYZERS = tuple(
    Analyzer(f"schema.ValidationAnalyzer.{rtype.kind}", (rtype,), partial(analyze, rtype)) for rtype in ISTIO_TYPES
)
