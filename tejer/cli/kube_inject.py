"""`kube-inject`: add the sidecar to the workloads of a file, without a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tejer.istiod.inject.config import InjectConfig

_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)


@click.command()
@click.option("--filename", "-f", "filename", required=True, type=_FILE, help="Manifest to read; - is stdin.")
@click.option("--output", "-o", default="", help="File to write to, instead of stdout.")
@click.option("--meshConfigFile", "mesh_file", type=_FILE, default=None, help="MeshConfig, instead of the default.")
@click.option("--injectConfigFile", "inject_file", type=_FILE, default=None, help="The injector's settings.")
@click.option("--valuesFile", "values_file", type=_FILE, default=None, help="The injector's Helm values.")
@click.option("--revision", "-r", default="default", help="Revision of the control plane.")
def kube_inject(
    filename: str, output: str, mesh_file: str | None, inject_file: str | None, values_file: str | None, revision: str
) -> None:
    """Print the manifest with `istio-init` and `istio-proxy` in every workload that may have them.

    What is printed can be applied to namespaces without automatic injection. Settings are those of a default
    installation unless files are given.
    """
    from pathlib import Path

    from tejer.istiod.inject.objects import inject_object
    from tejer.kube.dump import to_yaml_documents
    from tejer.kube.manifest import load_bytes

    try:
        config = _config(revision, mesh_file, inject_file, values_file)
        bodies = []
        for document in load_bytes(_read(filename), "" if filename == "-" else filename):
            injected = inject_object(document.body, config)
            bodies.append(injected.pod if injected else document.body)
            for warning in injected.warnings if injected else ():
                click.echo(f"Warning: {warning}", err=True)
    except ValueError as problem:
        raise click.ClickException(str(problem)) from None
    text = to_yaml_documents(bodies)
    if output:
        Path(output).write_text(text)
    else:
        click.echo(text, nl=False)


def _config(revision: str, mesh: str | None, inject: str | None, values: str | None) -> InjectConfig:
    """Of a default installation, with any of the three replaced by a file."""
    from tejer.istiod.inject.configmaps import inject_config
    from tejer.istiod.install.base import config_maps
    from tejer.istiod.install.options import build_options
    from tejer.kube.manifest import load_value

    mesh_map, injector_map = config_maps(build_options())
    injector, mesh_data = dict(injector_map["data"]), dict(mesh_map["data"])
    if mesh:
        mesh_data["mesh"] = _read(mesh).decode()
    if inject:
        injector["config"] = _read(inject).decode()
    if values:
        injector["values"] = _read(values).decode()
    return inject_config({"data": injector}, {"data": mesh_data}, load_value, revision=revision)


def _read(path: str) -> bytes:
    with click.open_file(path, "rb") as file:
        content: bytes = file.read()
        return content
