"""Istio's own validation cases: the webhook's verdict on each object."""

from __future__ import annotations

import json
from pathlib import Path

from tejer.istiod.checks.validation import validate
from tejer.kube.problem import Severity
from tests.conformance.outcome import Outcome


def answer(directory: Path) -> Outcome:
    cases = json.loads((directory / "validate/cases.json").read_text())["cases"]
    answers, misses = [], []
    for case in cases:
        problems = validate(case["resource"])
        valid = all(problem.severity is not Severity.ERROR for problem in problems)
        warning = any(problem.severity is Severity.WARNING for problem in problems)
        answers.append({"valid": valid, "warning": warning})
        wanted = (case.get("valid", valid), case.get("warning"))
        if wanted[0] != valid or wanted[1] not in (None, warning):
            texts = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
            misses.append(f"{case['id']} {case['name']}: wanted {wanted}, got {(valid, warning)} {texts}")
    return Outcome(answers, len(cases), misses)
