"""`tejer samples`: the manifests that come with Tejer, as files in a directory of yours."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import click


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), default=Path("samples"))
@click.option("--force", is_flag=True, help="Replace files that you have changed.")
def samples(directory: Path, force: bool) -> None:
    """Write the add-ons' manifests (Prometheus, Grafana, Jaeger) into DIRECTORY, by default samples/."""
    addons = directory / "addons"
    wanted = _addons()
    changed = [name for name, text in wanted.items() if _differs(addons / name, text)]
    if changed and not force:
        listed = ", ".join(str(addons / name) for name in changed)
        raise click.ClickException(f"{listed}: already there and different; give --force to replace, or another place")
    addons.mkdir(parents=True, exist_ok=True)
    for name, text in wanted.items():
        (addons / name).write_bytes(text)
        click.echo(addons / name)
    click.echo(f"Install them with: kubectl apply -f {addons}/", err=True)


def _addons() -> dict[str, bytes]:
    with as_file(files("tejer").joinpath("addons")) as source:
        return {path.name: path.read_bytes() for path in sorted(source.glob("*.yaml"))}


def _differs(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() != content
