"""Findings as SARIF, which code hosts and editors show beside the lines. Source: OASIS, SARIF 2.1.0."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tejer.istiod.checks.codes import CODES, page
from tejer.kube.problem import Origin, Problem, Severity
from tejer.kube.version import VERSION

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "SRCROOT"
"""Files are named relative to where the command ran."""
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def sarif(problems: Sequence[Problem], origins: Sequence[Origin | None]) -> dict[str, Any]:
    """One run with a result for each problem; `origins` are the places of the problems in files."""
    codes = sorted({problem.code for problem in problems})
    driver = {
        "name": "tejer analyze",
        "version": VERSION,
        "rules": [_rule(code) for code in codes],
    }
    results = [_result(problem, origin, codes) for problem, origin in zip(problems, origins, strict=True)]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"uri": Path.cwd().as_uri() + "/"}},
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    known = CODES[code]
    rule: dict[str, Any] = {
        "id": code,
        "name": known.name,
        "shortDescription": {"text": known.name},
        "defaultConfiguration": {"level": _LEVELS[known.severity]},
    }
    return rule | ({"helpUri": page(code)} if page(code) else {})


def _result(problem: Problem, origin: Origin | None, codes: list[str]) -> dict[str, Any]:
    name = "/".join(part for part in (problem.key.namespace, problem.key.name) if part) if problem.key else ""
    logical = {"fullyQualifiedName": f"{problem.kind} {name}{' ' + problem.field if problem.field else ''}"}
    location: dict[str, Any] = {"logicalLocations": [{**logical, "kind": "resource"}]}
    if origin is not None:
        location["physicalLocation"] = {
            "artifactLocation": _artifact(origin.file),
            "region": {"startLine": max(origin.line, 1), "startColumn": max(origin.column, 1)},
        }
    hint = f" ({problem.hint})" if problem.hint else ""
    return {
        "ruleId": problem.code,
        "ruleIndex": codes.index(problem.code),
        "level": _LEVELS[problem.severity],
        "message": {"text": problem.message + hint},
        "locations": [location],
    }


def _artifact(file: str) -> dict[str, str]:
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": ROOT}
