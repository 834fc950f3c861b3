"""How problems of files are shown: with file, line, object and field."""

from __future__ import annotations

from collections.abc import Iterable

import click
import msgspec

from tejer.kube.manifest import Document
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import name_of, namespace_of

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
WORDS = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.INFO: "Info"}


def located(problems: Iterable[Problem], document: Document) -> list[Problem]:
    """The problems with the file, line and column of their field."""
    return [
        msgspec.structs.replace(
            problem,
            kind=problem.kind or str(document.body.get("kind", "")),
            origin=document.origin_of(problem.field),
        )
        for problem in problems
    ]


def line(problem: Problem, document: Document) -> str:
    """`Error: vs.yaml:12: VirtualService default/reviews: spec.http[0].timeout: ... (hint)`."""
    where = f"{problem.origin.file}:{problem.origin.line}: " if problem.origin.file else ""
    body = document.body
    name = "/".join(part for part in (namespace_of(body), name_of(body)) if part)
    field = f"{problem.field}: " if problem.field else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    word = click.style(WORDS[problem.severity], fg=COLOURS[problem.severity])
    return f"{word}: {where}{body.get('kind')} {name}: {field}{problem.message}{hint}"
