"""`make bench`: measures, prints the table, and with --write puts it into docs/performance.md."""

from __future__ import annotations

import datetime
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import analysis, mesh, queries, traces
from benchmarks.figure import Figure
from tests.e2e.shell import BIN

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def command_line() -> Figure:
    """Median of 15 runs of `tejer --help`."""
    times = []
    for _ in range(15):
        began = time.monotonic()
        subprocess.run([BIN / "tejer", "--help"], stdout=subprocess.DEVNULL, check=True)
        times.append((time.monotonic() - began) * 1000)
    return Figure("tejer --help", statistics.median(times), "ms", 150, "median of 15 runs")


def all_figures() -> list[Figure]:
    figures = [command_line(), *analysis.figures(), *traces.figures(), *queries.figures()]
    with mesh.demo_cluster() as (shell, took):
        figures.append(
            Figure(
                "tejer up and the sample Ready",
                took,
                "s",
                10,
                "`tejer up` and `tejer demo --no-requests`, nothing before",
            )
        )
        time.sleep(30)
        figures += mesh.memory(shell)
        figures.append(mesh.idle(shell))
        mesh.prepare(shell)
        figures += mesh.hop(shell)
        figures += mesh.propagation(shell)
    return figures


def table(figures: list[Figure]) -> str:
    lines = ["| what | measured | must reach | | how |", "|---|---|---|---|---|"]
    for one in figures:
        limit = "" if one.limit is None else f"<= {one.limit:g} {one.unit}"
        mark = "" if one.limit is None else "✔" if one.met else "✘"
        lines.append(f"| {one.what} | {one.value:.3g} {one.unit} | {limit} | {mark} | {one.method} |")
    return "\n".join(lines)


def write(text: str) -> None:
    page = PAGE.read_text("utf-8")
    machine = (
        f"{os.cpu_count()} cores, Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    )
    stamp = f"Measured {datetime.date.today()} on {machine}."
    pattern = re.compile(r"(<!-- begin figures -->\n).*?(<!-- end figures -->)", re.S)
    PAGE.write_text(pattern.sub(lambda match: f"{match[1]}{stamp}\n\n{text}\n{match[2]}", page), "utf-8")


def main() -> int:
    figures = all_figures()
    text = table(figures)
    print(text)
    if "--write" in sys.argv[1:]:
        write(text)
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
