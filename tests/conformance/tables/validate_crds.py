"""The CRDs' own cases: what the schema, its CEL rules or the webhook must refuse."""

from __future__ import annotations

from pathlib import Path

from tejer.cli.offline import schema_problems
from tejer.kube.manifest import load_paths
from tests.conformance.outcome import Outcome


def answer(directory: Path) -> Outcome:
    answers, misses = [], []
    for path in sorted((directory / "validate/crds").glob("*.yaml")):
        for index, document in enumerate(load_paths([str(path)])):
            body = dict(document.body)
            wanted = body.pop("_err", None)
            problems = schema_problems(body)
            answers.append({"file": path.name, "index": index, "valid": not problems})
            if bool(problems) != (wanted is not None):
                texts = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
                misses.append(f"{path.name}[{index}]: wanted {wanted or 'valid'}, got {texts or 'valid'}")
    return Outcome(answers, len(answers), misses)
