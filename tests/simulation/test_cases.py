"""Calls through generated configuration: `cases/<name>.yaml` is a mesh and the calls with what must become of them.

The last document, of kind `Calls`, has `calls`: each a mapping of `tejer.istiod.simulate.call.Call`'s fields under
`call`, and under `want` those of `Answer` that matter. `clusters` in `want` is a mapping of weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tejer.istiod.simulate.call import Answer, Call
from tejer.istiod.simulate.simulate import Simulation
from tests.support.mesh_world import World, documents

FOLDER = Path(__file__).parent / "cases"


def cases() -> list[Any]:
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        text = path.read_text()
        (listed,) = [body for body in documents(text) if body.get("kind") == "Calls"]
        found += [
            pytest.param(text, case, id=f"{path.stem}-{case.get('name', number)}")
            for number, case in enumerate(listed["calls"])
        ]
    return found


@pytest.mark.parametrize(("text", "case"), cases())
def test_call(text: str, case: dict[str, Any]) -> None:
    answer = Simulation(World(text).render()).run(msgspec.convert(case["call"], Call))
    for field, wanted in case["want"].items():
        assert _value(answer, field) == wanted, answer


def _value(answer: Answer, field: str) -> Any:
    return dict(answer.clusters) if field == "clusters" else getattr(answer, field)
