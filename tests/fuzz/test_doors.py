"""A few seconds of fuzzing of every door, always the same inputs; `make fuzz` goes on from there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.corpus import seeds
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
REGRESSIONS: tuple[tuple[str, bytes], ...] = (("yaml", b"c: 0x_"), ("yaml", b"a: 0b" + b"1" * 2000))
"""(target, input) that once failed."""


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_goes_unanswered(target: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", target, "--inputs", "400"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize(("target", "data"), REGRESSIONS)
def test_what_once_failed(target: str, data: bytes) -> None:
    TARGETS[target](data)


def test_seeds_reach_what_is_fuzzed() -> None:
    from tejer.cluster.apiserver.machinery.protobuf import decode_protobuf

    decoded = [decode_protobuf(seed) for seed in seeds("protobuf")]
    assert {"name": "web", "namespace": "shop", "labels": {"app": "web"}} in [body.get("metadata") for body in decoded]
