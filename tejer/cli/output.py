"""How results are printed: aligned tables as istioctl's, JSON, YAML, and lines of progress."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
YAML_1_1_BOOLEANS = frozenset(("y", "n", "yes", "no", "on", "off"))
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


def to_yaml(value: Any) -> str:
    """One YAML document: keys in their order, long strings unbroken, strings quoted where any YAML reads otherwise."""
    from io import StringIO

    from ruamel.yaml import YAML
    from ruamel.yaml.representer import SafeRepresenter

    from tejer.kube.manifest import plain_scalar

    class Representer(SafeRepresenter):
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def represent_str(self, data: str) -> Any:
            quoted = data.lower() in YAML_1_1_BOOLEANS or not isinstance(plain_scalar(data), str)
            style = "|" if "\n" in data else "'" if quoted else None
            return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Representer.add_representer(str, Representer.represent_str)
    Representer.add_representer(tuple, Representer.represent_list)
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.Representer = Representer
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    stream = StringIO()
    yaml.dump(value, stream)
    return stream.getvalue().removesuffix("...\n")


def print_structured(value: Any, form: str) -> None:
    """`value` as JSON or YAML on stdout."""
    click.echo(to_json(value) if form == "json" else to_yaml(value).rstrip("\n"))


def done(message: str) -> None:
    """A step that succeeded."""
    click.echo(f"{click.style('✔', fg='green')} {message}")


def failed(message: str) -> None:
    """A step that did not."""
    click.echo(f"{click.style('✘', fg='red')} {message}", err=True)
