"""Istio's own analyzer cases: which messages each analyzer gives on files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from tejer.istiod.checks.analysis import analyze
from tejer.istiod.checks.world import World
from tejer.kube.kinds.istio_mesh import MeshConfig
from tejer.kube.manifest import load_bytes, load_paths
from tejer.kube.problem import Problem
from tests.conformance.outcome import Outcome


def origin(problem: Problem) -> str:
    """`Kind ns/name`, or `Kind name` where there is no namespace."""
    assert problem.key is not None
    return f"{problem.kind} " + "/".join(part for part in (problem.key.namespace, problem.key.name) if part)


def answer(directory: Path) -> Outcome:
    folder = directory / "analyze"
    cases = json.loads((folder / "cases.json").read_text())["cases"]
    answers, misses = [], []
    for case in cases:
        problems = analyze(_world(folder, case), only={case["analyzer"]})
        codes = case.get("analyzer_codes") or [problem.code for problem in problems]
        got = [[problem.code, origin(problem)] for problem in problems if problem.code in codes]
        answers.append(got)
        if "expected" in case:
            wanted = Counter((item["code"], item["origin"]) for item in case["expected"])
            have = Counter((code, where) for code, where in got)
            if wanted != have:
                misses.append(f"{case['name']} {case['input_files']}: missing {list((wanted - have).elements())}, "
                              f"too many {list((have - wanted).elements())}")  # fmt: skip
    return Outcome(answers, len(cases), misses)


def _world(folder: Path, case: dict[str, Any]) -> World:
    bodies = [document.body for document in load_paths([str(folder / name) for name in case["input_files"]])]
    mesh = _settings(folder, case.get("mesh_config_file"))
    return World(
        bodies,
        mesh=msgspec.convert(mesh, MeshConfig) if mesh is not None else None,
        mesh_networks=_settings(folder, case.get("mesh_networks_file")),
    )


def _settings(folder: Path, name: str | None) -> dict[str, Any] | None:
    if not name:
        return None
    (document,) = load_bytes((folder / name).read_bytes(), name, strict=False)
    return document.body
