"""How results are printed: aligned tables as istioctl's, JSON, YAML, and lines of progress."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
PADDING = 5
"""Blanks between columns, as in istioctl's tables."""


def output_option(*formats: str, default: str = "short") -> Callable[[F], F]:
    """The option -o, one of `formats`."""
    return click.option(
        "--output", "-o", type=click.Choice(formats), default=default, show_default=True, help="Output format."
    )


def width(text: str) -> int:
    """Columns `text` takes in a terminal."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], *, padding: int = PADDING) -> str:
    """Left-aligned columns; the last is not padded."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        padded = [cell + " " * (widths[column] - width(cell) + padding) for column, cell in enumerate(row[:-1])]
        lines.append("".join([*padded, row[-1]]).rstrip())
    return "\n".join(lines)


def print_table(header: Sequence[str], rows: Iterable[Sequence[Any]], *, padding: int = PADDING) -> None:
    click.echo(table(header, rows, padding=padding))


def to_json(value: Any) -> str:
    return json.dumps(value, indent=4, ensure_ascii=False)


def print_structured(value: Any, form: str) -> None:
    """`value` as JSON or YAML on stdout."""
    from tejer.kube.dump import to_yaml

    click.echo(to_json(value) if form == "json" else to_yaml(value).rstrip("\n"))


def done(message: str) -> None:
    """A step that succeeded."""
    click.echo(f"{click.style('✔', fg='green')} {message}")


def failed(message: str) -> None:
    """A step that did not."""
    click.echo(f"{click.style('✘', fg='red')} {message}", err=True)
