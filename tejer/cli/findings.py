"""How `analyze` shows what it found: istioctl's log lines, JSON and YAML, and SARIF."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from tejer.cli.output import print_structured, to_json

if TYPE_CHECKING:
    from tejer.cli.sources import Sources
    from tejer.istiod.checks.analyzer import Analyzer
    from tejer.kube.problem import Origin, Problem

LEVELS = ("Info", "Warning", "Error")
"""By severity."""
DOCS = "https://istio.io/latest/docs/reference/config/analysis"
_COLOURS = dict(zip(LEVELS, ("cyan", "yellow", "red"), strict=True))


def print_findings(problems: Sequence[Problem], sources: Sources, output: str, target: str) -> None:
    """`target` says what was analyzed, for when nothing was found."""
    if output == "sarif":
        from tejer.cli.sarif import sarif

        click.echo(to_json(sarif(problems, [origin_of(problem, sources) for problem in problems])))
        return
    rows = [_row(problem, sources) for problem in problems]
    if output != "log":
        print_structured(rows, output)
    elif rows:
        for row in rows:
            level = click.style(row["level"], fg=_COLOURS[row["level"]]) if sys.stdout.isatty() else row["level"]
            where = " ".join(part for part in (row["origin"], row.get("reference", "")) if part)
            click.echo(f"{level} [{row['code']}] ({where}) {row['message']}")
    else:
        click.echo(f"{click.style('✔', fg='green')} No validation issues found when analyzing {target}.", err=True)


def _row(problem: Problem, sources: Sources) -> dict[str, str]:
    """istioctl's fields; `field` is ours."""
    from tejer.cli.suppression import origin
    from tejer.istiod.checks.codes import page

    row = {
        "code": problem.code,
        "documentationUrl": page(problem.code),
        "level": LEVELS[problem.severity],
        "message": f"{problem.message} ({problem.hint})" if problem.hint else problem.message,
        "origin": origin(problem),
    }
    if problem.field:
        row["field"] = problem.field
    if (place := origin_of(problem, sources)) is not None:
        row["reference"] = f"{place.file}:{place.line}"
    return row


def origin_of(problem: Problem, sources: Sources) -> Origin | None:
    """File, line and column of a problem's field; None for objects of the cluster."""
    document = sources.documents.get((problem.kind, problem.key)) if problem.key is not None else None
    return document.origin_of(problem.field) if document is not None and document.origin.file else None


def listed(analyzers: Iterable[Analyzer]) -> str:
    """Names, each with the first sentence of what its module says it does."""
    lines = []
    for analyzer in sorted(analyzers, key=lambda one: one.name):
        about = (sys.modules[analyzer.run.__module__].__doc__ or "").split("\n\n")[0]
        lines += [f"* {analyzer.name}:", f"    {' '.join(about.split())}"]
    return "\n".join(lines)
