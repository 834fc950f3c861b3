"""Writes the generated parts of ARCHITECTURE.md: the port table and the graph of collections.

    python scripts/architecture.py            rewrite the file
    python scripts/architecture.py --check    exit 1 if it would change

Text between `<!-- begin NAME -->` and `<!-- end NAME -->` belongs to this script; the rest is written by hand.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from tejer.istiod.model.mesh import MeshState
from tejer.kube.ports import PORTS

PAGE = Path(__file__).parents[1] / "ARCHITECTURE.md"


def port_table() -> str:
    rows = ["| port | process | bound to | who may speak to it | for |", "|---|---|---|---|---|"]
    rows += [f"| {p.number} | {p.process} | {p.bound} | {p.access} | {p.purpose} |" for p in PORTS]
    return "\n".join(rows)


def collections_graph() -> str:
    return f"```mermaid\n{MeshState(json.loads).graph.mermaid()}\n```"


PARTS: tuple[tuple[str, Callable[[], str]], ...] = (("ports", port_table), ("graph", collections_graph))


def rewrite(text: str) -> str:
    """`text` with each generated part made anew. Raises ValueError if a marker is missing."""
    for name, make in PARTS:
        pattern = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.S)
        if not pattern.search(text):
            raise ValueError(f"ARCHITECTURE.md has no part '{name}': put back its begin and end markers")
        part = make()
        text = pattern.sub(lambda match, part=part: f"{match[1]}{part}\n{match[2]}", text)  # type: ignore[misc]
    return text


def main() -> int:
    before = PAGE.read_text("utf-8")
    after = rewrite(before)
    if "--check" in sys.argv[1:]:
        return int(before != after)
    PAGE.write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
