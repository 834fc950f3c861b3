"""`install`: put the mesh on the cluster of the kubeconfig."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tejer.cli.output import done
from tejer.cli.settings import run_with_api, settings

if TYPE_CHECKING:
    from tejer.istiod.install.options import InstallOptions
    from tejer.kube.client import HttpApi

F = TypeVar("F", bound=Callable[..., Any])


def install_options(function: F) -> F:
    """The options that say what to install: --set, -f, --revision."""
    for decorate in (
        click.option("--set", "-s", "sets", multiple=True, metavar="PATH=VALUE",
                     help="A setting, such as profile=demo or meshConfig.accessLogFile=/dev/stdout."),
        click.option("--filename", "-f", "files", multiple=True, metavar="FILE", help="An IstioOperator file."),
        click.option("--revision", "-r", default="", help="Control plane revision."),
    ):  # fmt: skip
        function = decorate(function)
    return function


def read_install_options(sets: Sequence[str], files: Sequence[str], revision: str) -> InstallOptions:
    """The options of the command line. Raises click.UsageError naming the setting that is wrong."""
    from tejer.istiod.install.options import build_options
    from tejer.kube.manifest import load_paths

    operators = [document.body for document in load_paths(files)]
    namespace = settings().istio_namespace
    extra = [f"revision={revision}"] * bool(revision) + [f"namespace={namespace}"] * (namespace != "istio-system")
    try:
        return build_options([*extra, *sets], operators)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


@click.command()
@install_options
@click.option("--skip-confirmation", "-y", "yes", is_flag=True, help="Do not ask.")
@click.option("--readiness-timeout", "--readinessTimeout", "timeout", default="5m0s", show_default=True,
              help="How long to wait for each part.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Let the server check everything and change nothing.")
def install(
    sets: tuple[str, ...], files: tuple[str, ...], revision: str, yes: bool, timeout: str, dry_run: bool
) -> None:
    """Install the mesh: its kinds, istiod, the webhooks and the ingress gateway."""
    from tejer.kube.duration import parse_duration

    options = read_install_options(sets, files, revision)
    seconds = parse_duration(timeout)
    if not yes and not dry_run:
        click.confirm(
            f"This will install the {options.profile!r} profile into the cluster. Proceed?", default=True, abort=True
        )
    run_with_api(lambda api: _install(api, options, seconds, dry_run))


async def _install(api: HttpApi, options: InstallOptions, seconds: float, dry_run: bool) -> None:
    from tejer.cli.installing import apply_bodies, install_mesh
    from tejer.istiod.install.manifests import render

    if dry_run:
        await apply_bodies(api, render(options), dry_run=True)
        done("Dry run: the server accepts every object")
        return
    await install_mesh(api, options, done=done, seconds=seconds)
    done("Installation complete")


upgrade = install
"""`upgrade` is the same: applying is idempotent, and checks come from the server."""
