"""`validate -f` on whole files."""

from __future__ import annotations

import json
from pathlib import Path

from tejer.cli.offline import check_object
from tejer.kube.manifest import load_text
from tejer.kube.problem import Severity
from tests.conformance.outcome import Outcome


def answer(directory: Path) -> Outcome:
    cases = json.loads((directory / "validate/cli_cases.json").read_text())["cases"]
    answers, misses = [], []
    for case in cases:
        problems = [
            problem for document in load_text(case["yaml"], strict=False) for problem in check_object(document.body)
        ]
        valid = all(problem.severity is not Severity.ERROR for problem in problems)
        warning = any(problem.severity is Severity.WARNING for problem in problems)
        answers.append({"valid": valid, "warning": warning})
        if (case.get("valid", valid), case.get("warning", warning)) != (valid, warning):
            misses.append(f"{case['name']}: {[problem.message for problem in problems]}")
    return Outcome(answers, len(cases), misses)
