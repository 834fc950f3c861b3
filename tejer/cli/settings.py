"""The options every command takes: which cluster, which namespace. istioctl's names; they may stand anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tejer.kube.client import HttpApi
    from tejer.kube.connection import Connection

T = TypeVar("T")
ISTIO_NAMESPACE = "istio-system"


@dataclass
class Settings:
    """Filled from the command line as its options are read."""

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    istio_namespace: str = ISTIO_NAMESPACE

    def connection(self) -> Connection:
        """Where the API server is. Raises click.ClickException saying what to try."""
        from tejer.kube import kubeconfig

        try:
            return kubeconfig.connect(self.kubeconfig, self.context)
        except (ValueError, OSError) as error:
            raise click.ClickException(f"{error}\nTry: tejer up, or --kubeconfig FILE --context NAME") from None

    def namespace_or_default(self, connection: Connection) -> str:
        """The namespace of -n, else the kubeconfig context's, else `default`."""
        return self.namespace or connection.namespace or "default"


def settings() -> Settings:
    """The settings of the running command."""
    return click.get_current_context().ensure_object(Settings)


def run_with_api(work: Callable[[HttpApi], Awaitable[T]]) -> T:
    """Run `work` with a client of the chosen cluster."""
    import asyncio

    connection = settings().connection()

    async def run() -> T:
        from tejer.kube.client import HttpApi

        async with HttpApi(connection, field_manager="tejer-cli") as api:
            return await work(api)

    return asyncio.run(run())


def _store(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None and parameter.name:
        setattr(context.ensure_object(Settings), parameter.name, value)


GLOBAL_OPTIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("--kubeconfig", "-c"), "Kubernetes configuration file."),
    (("--context",), "Context of the kubeconfig."),
    (("--namespace", "-n"), "Namespace the command is about."),
    (("--istio-namespace", "--istioNamespace", "-i"), "Namespace of the control plane."),
)


def with_global_options(command: click.Command) -> click.Command:
    """Give `command` the global options, save those whose names it uses itself. Idempotent."""
    taken = {option for parameter in command.params for option in parameter.opts}
    for names, text in GLOBAL_OPTIONS:
        free = [name for name in names if name not in taken]
        if any(name.startswith("--") for name in free) and names[0] not in taken:
            name = names[0].removeprefix("--").replace("-", "_")
            command.params.append(
                click.Option([name, *free], help=text, expose_value=False, callback=_store, metavar="TEXT", type=str)
            )
    return command
