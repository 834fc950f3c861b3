"""Run one table of cases that others wrote: `make conformance TABLE=validate [DIR=...] [ANSWERS=out.json]`.

Prints `NAME n/N` and then each miss in a line. Form of the tables and of the answers: the README in DIR.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conformance.outcome import Outcome

ROOT = Path(__file__).resolve().parents[2]
TABLES = {
    "validate": "validate",
    "validate-crds": "validate_crds",
    "validate-cli": "validate_cli",
    "analyze": "analyze",
    "simulate": "simulate",
    "authz": "authz",
    "promql": "promql",
}
"""Each table's module here; it has `answer(directory)`, the answers in the order of the cases, and the misses."""


def run(table: str, directory: Path) -> Outcome:
    """Raises ModuleNotFoundError where the table is not implemented."""
    module = importlib.import_module(f"tests.conformance.tables.{TABLES[table]}")
    answer: Callable[[Path], Outcome] = module.answer
    return answer(directory)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--dir", type=Path, default=ROOT.parent / "shared/conformance")
    parser.add_argument("--answers", type=Path)
    options = parser.parse_args()
    if not options.dir.is_dir():
        print(f"{options.table}: skipped, {options.dir} is absent")
        return 0
    try:
        outcome = run(options.table, options.dir)
    except ModuleNotFoundError as error:
        print(f"{options.table}: not implemented yet ({error})")
        return 1
    if options.answers:
        options.answers.write_text(json.dumps(outcome.answers, indent=1))
    print(f"{options.table} {outcome.total - len(outcome.misses)}/{outcome.total}")
    for miss in outcome.misses:
        print(f"  {miss}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
