"""`manifest generate`: print what `install` would apply."""

from __future__ import annotations

import click

from tejer.cli.install import install_options, read_install_options


@click.group()
def manifest() -> None:
    """Manifests of an installation."""


@manifest.command()
@install_options
@click.option("--output", "-o", default="", help="Directory to write one file per component to.")
def generate(sets: tuple[str, ...], files: tuple[str, ...], revision: str, output: str) -> None:
    """Print every object of the installation as YAML."""
    from pathlib import Path

    from tejer.istiod.install.manifests import stages
    from tejer.kube.dump import to_yaml_documents

    parts = stages(read_install_options(sets, files, revision))
    if not output:
        click.echo(to_yaml_documents([body for stage in parts for body in stage.bodies]), nl=False)
        return
    directory = Path(output)
    directory.mkdir(parents=True, exist_ok=True)
    for number, stage in enumerate(parts):
        path = directory / f"{number}-{stage.name.lower().replace(' ', '-')}.yaml"
        path.write_text(to_yaml_documents(stage.bodies))
        click.echo(str(path))
