"""The tables as tests: no more misses than those listed, with their reasons, in known_misses.yaml."""

from pathlib import Path

import pytest

from tejer.kube.manifest import load_text
from tests.conformance.run import run

DIRECTORY = Path(__file__).resolve().parents[3] / "shared/conformance"
KNOWN = Path(__file__).with_name("known_misses.yaml")


def known_misses(table: str) -> dict[str, str]:
    """Beginnings of the lines of known misses -> reason."""
    (document,) = load_text(KNOWN.read_text(), str(KNOWN), strict=False)
    return dict(document.body.get(table) or {})


@pytest.mark.skipif(not DIRECTORY.is_dir(), reason="../shared/conformance is absent")
@pytest.mark.parametrize(
    "table", ["validate", "validate-crds", "validate-cli", "analyze", "authz", "simulate", "promql"]
)
def test_no_unknown_misses(table: str) -> None:
    misses = run(table, DIRECTORY).misses
    known = known_misses(table)
    assert [miss for miss in misses if not miss.startswith(tuple(known) or ("\0",))] == []
    assert [line for line in known if not any(miss.startswith(line) for miss in misses)] == [], "no longer a miss"
