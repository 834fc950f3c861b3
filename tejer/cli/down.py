"""`tejer down`: end the embedded cluster and leave nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tejer.cli.steps import step

if TYPE_CHECKING:
    from tejer.cluster.config import ClusterConfig


@click.command()
@click.option("--home", type=click.Path(path_type=Path), help="Directory of the cluster. [env: TEJER_HOME; ~/.tejer]")
@click.option("--keep-data", is_flag=True, help="Keep objects and volumes for the next `tejer up`.")
@click.option("--purge", is_flag=True, help="Delete everything, data too: this is the default.")
def down(home: Path | None, keep_data: bool, purge: bool) -> None:
    """Stop the cluster, its pods and its network. Works also after a crash, and when nothing runs."""
    from tejer.cluster.config import ClusterConfig, default_home
    from tejer.cluster.lifecycle import CLEAN_END_GRACE, END_GRACE, anything_left, exclusive, remove, stop

    if keep_data and purge:
        raise click.UsageError("--keep-data and --purge exclude each other")
    home = home.absolute() if home else default_home()
    if not home.exists() and not anything_left(ClusterConfig(home=home)):
        click.echo(f"Nothing runs: there is no {home}.", err=True)
        return
    try:
        with exclusive(home):
            config = _settings(home)
            with step("Pods, processes and network"):
                stop(config, CLEAN_END_GRACE if keep_data else END_GRACE)
            with step("Kubeconfig context and files"):
                remove(config, keep_data=keep_data)
    except (RuntimeError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if keep_data:
        click.echo(f"Objects and volumes are kept in {home} for the next `tejer up`.", err=True)


def _settings(home: Path) -> ClusterConfig:
    """What was saved, else the defaults: the names of what is to be removed follow from `home` alone."""
    from tejer.cluster.config import ClusterConfig, load_config

    try:
        return load_config(home) or ClusterConfig(home=home)
    except ValueError as error:
        click.echo(f"Warning: {error}", err=True)
        return ClusterConfig(home=home)
