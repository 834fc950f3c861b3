"""`tejer x`: commands that istioctl keeps under `experimental`."""

from __future__ import annotations

import click

from tejer.cli.precheck import precheck


@click.group()
def experimental() -> None:
    """Further commands, as in istioctl."""


experimental.add_command(precheck)
