"""`tejer down`: end the embedded cluster and leave nothing behind."""

from __future__ import annotations

from pathlib import Path

import click

from tejer.cli.steps import step


@click.command()
@click.option("--home", type=click.Path(path_type=Path), help="Directory of the cluster. [env: TEJER_HOME; ~/.tejer]")
@click.option("--keep-data", is_flag=True, help="Keep objects and volumes for the next `tejer up`.")
@click.option("--purge", is_flag=True, help="Delete everything, data too: this is the default.")
def down(home: Path | None, keep_data: bool, purge: bool) -> None:
    """Stop the cluster, its pods and its network. Works also after a crash, and when nothing runs."""
    from tejer.cluster.config import ClusterConfig, default_home, load_config
    from tejer.cluster.lifecycle import exclusive, remove, stop

    if keep_data and purge:
        raise click.UsageError("--keep-data and --purge exclude each other")
    home = home.absolute() if home else default_home()
    if not home.exists():
        click.echo(f"Nothing runs: there is no {home}.", err=True)
        return
    try:
        with exclusive(home):
            config = load_config(home) or ClusterConfig(home=home)
            with step("Pods, processes and network"):
                stop(config)
            with step("Kubeconfig context and files"):
                remove(config, keep_data=keep_data)
    except (RuntimeError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if keep_data:
        click.echo(f"Objects and volumes are kept in {home} for the next `tejer up`.", err=True)
