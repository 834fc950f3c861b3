"""`tejer up`: start the embedded cluster and, unless --bare, install the mesh on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tejer.cli.output import print_structured
from tejer.cli.steps import Tell, step

if TYPE_CHECKING:
    from tejer.cluster.config import ClusterConfig
    from tejer.cluster.lifecycle import Started

_OPTIONS = ("api_port", "pod_cidr", "service_cidr", "http_port", "https_port")
_FIELDS = {"http_port": "ingress_http_port", "https_port": "ingress_https_port"}


@click.command()
@click.option("--bare", is_flag=True, help="An empty cluster, without the mesh.")
@click.option("--profile", "-p", default="default", show_default=True, help="Profile of the mesh to install.")
@click.option("--home", type=click.Path(path_type=Path), help="Directory of the cluster. [env: TEJER_HOME; ~/.tejer]")
@click.option("--api-port", type=click.IntRange(0, 65535), help="Port of the API server; 0 takes a free one. [6443]")
@click.option("--pod-cidr", help="Network of the pods. [10.244.0.0/16]")
@click.option("--service-cidr", help="Network of the Services. [10.96.0.0/16]")
@click.option("--http-port", type=click.IntRange(1, 65535), help="Host port of the ingress gateway, HTTP. [8080]")
@click.option("--https-port", type=click.IntRange(1, 65535), help="Host port of the ingress gateway, HTTPS. [8443]")
@click.option("--output", "-o", type=click.Choice(["text", "json", "yaml"]), default="text", help="Output format.")
def up(bare: bool, profile: str, home: Path | None, output: str, **options: Any) -> None:
    """Start the embedded cluster and the mesh. Running it again repairs what is missing."""
    changes = {_FIELDS.get(name, name): options[name] for name in _OPTIONS if options[name] is not None}
    quiet = output != "text"
    config, started = bring_up(home, changes, "" if bare else profile, quiet)
    if quiet:
        print_structured(_facts(config, started, bare), output)
    else:
        _say_what_next(config, bare)


def bring_up(home: Path | None, changes: dict[str, Any], profile: str, quiet: bool) -> tuple[ClusterConfig, Started]:
    """Start the cluster of `home` with `changes` to its settings and install `profile` on it ("" installs nothing).

    Raises click.ClickException saying what is in the way.
    """
    from tejer.cluster.config import default_home
    from tejer.cluster.lifecycle import choose_config, exclusive

    home = home.absolute() if home else default_home()
    try:
        with exclusive(home):
            config = choose_config(home, changes)
            _check_ingress_ports(config, needed=bool(profile))
            started = _start(config, bool(profile), quiet)
            if profile:
                _install_mesh(config, profile, quiet)
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    return config, started


def _check_ingress_ports(config: ClusterConfig, *, needed: bool) -> None:
    """Before anything is started: ports that the ingress gateway can't have are an error, without a mesh a warning."""
    from tejer.cluster.lifecycle import taken_port
    from tejer.cluster.processes import processes_of

    if processes_of(config):
        return  # it runs, or its pods do: the ports are its own
    for port, option in ((config.ingress_http_port, "--http-port"), (config.ingress_https_port, "--https-port")):
        if taken := taken_port(port, option):
            if needed:
                raise RuntimeError(f"the ingress gateway's {taken}")
            click.echo(f"Warning: the ingress gateway's {taken}", err=True)


def _start(config: ClusterConfig, mesh: bool, quiet: bool) -> Started:
    from tejer.cluster import kubeconfig
    from tejer.cluster.lifecycle import start
    from tejer.cluster.pki import pki_files

    with step("Cluster", quiet=quiet):
        started = start(config, meanwhile=_load_installer if mesh else lambda: None)
    files = pki_files(config.pki_dir)
    try:
        kubeconfig.write_admin_kubeconfig(config, files)
        path = kubeconfig.add_context(config, files)
    except (OSError, ValueError) as error:
        raise RuntimeError(
            f"the cluster runs, but your kubeconfig was not changed: {error}. Use KUBECONFIG={config.admin_kubeconfig}"
        ) from error
    if not quiet:
        state = "was running" if started.running_before else "is running"
        click.echo(f"  API server {state} at {config.api_url}; kubeconfig context tejer in {_short(path)}", err=True)
    return started


def _load_installer() -> None:
    """Its imports take as long as the cluster's start: on two cores they cost nothing."""
    import tejer.cli.installing
    import tejer.kube.client
    import tejer.kube.kubeconfig  # noqa: F401


def _install_mesh(config: ClusterConfig, profile: str, quiet: bool) -> None:
    import asyncio

    from tejer.cli.installing import install_mesh
    from tejer.istiod.install.options import build_options
    from tejer.kube.client import HttpApi
    from tejer.kube.kubeconfig import connect

    async def install(tell: Tell) -> None:
        async with HttpApi(connect(str(config.admin_kubeconfig), "tejer")) as api:
            await install_mesh(api, build_options([f"profile={profile}"], []), done=tell)

    with step(f"Mesh ({profile} profile)", quiet=quiet) as tell:
        asyncio.run(install(tell))


def _facts(config: ClusterConfig, started: Started, bare: bool) -> dict[str, Any]:
    return {
        "home": str(config.home), "pid": started.pid, "runningBefore": started.running_before,
        "seconds": round(started.seconds, 3), "apiServer": config.api_url,
        "kubeconfig": str(config.admin_kubeconfig), "context": "tejer",
        "ingress": None if bare else {
            "http": f"http://localhost:{config.ingress_http_port}",
            "https": f"https://localhost:{config.ingress_https_port}",
        },
    }  # fmt: skip


def _say_what_next(config: ClusterConfig, bare: bool) -> None:
    program = Path(sys.argv[0]).name or "tejer"
    if bare:
        lines = ["Next:", f"  {program} install --set profile=demo -y", "  kubectl get namespaces"]
    else:
        lines = [
            f"Ingress gateway: http://localhost:{config.ingress_http_port} and "
            f"https://localhost:{config.ingress_https_port}",
            "Next:",
            "  kubectl label namespace default istio-injection=enabled",
            f"  {program} status",
        ]
    click.echo("\n".join([*lines, f"  {program} down"]), err=True)


def _short(path: Path) -> str:
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)
