"""Progress of long commands: a spinner on a terminal, one plain line per step otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Tell = Callable[[str], None]
"""Changes what the running step says it is doing; shown on terminals only."""


@contextmanager
def step(doing: str, *, quiet: bool = False) -> Iterator[Tell]:
    """While the block runs, say `doing`; after it, the same with a tick and the seconds it took.

    With `quiet` nothing is printed (output is for a program). A failing block prints no tick; the caller's error does.
    """
    began = time.monotonic()
    if quiet:
        yield lambda text: None
        return
    if not sys.stderr.isatty():
        yield lambda text: None
    else:
        from rich.console import Console

        with Console(stderr=True).status(doing) as status:
            yield lambda text: status.update(f"{doing}: {text}")
    click.echo(f"{click.style('✔', fg='green')} {doing} ({time.monotonic() - began:.1f} s)", err=True)
