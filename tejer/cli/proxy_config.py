"""`proxy-config`: the live configuration of a pod's Envoy. istioctl's subcommands, columns and filters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tejer.cli.goflags import GoCommand
from tejer.cli.output import output_option, print_structured, print_table
from tejer.cli.settings import run_with_api, settings

if TYPE_CHECKING:
    from tejer.cli.envoydump.dump import Dump
    from tejer.kube.client import HttpApi

F = TypeVar("F", bound=Callable[..., Any])
ALIASES = {
    "a": "all", "b": "bootstrap", "c": "cluster", "clusters": "cluster", "l": "listener", "listeners": "listener",
    "r": "route", "routes": "route", "ep": "endpoint", "endpoints": "endpoint", "s": "secret", "secrets": "secret",
    "ec": "ecds", "o": "log",
}  # fmt: skip


class Aliased(click.Group):
    """The group with istioctl's short and plural names."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, ALIASES.get(cmd_name, cmd_name))


@click.group(cls=Aliased)
def proxy_config() -> None:
    """Show the configuration of an Envoy: POD is `[type/]name[.namespace]`, or give a dump with --file."""


def target(function: F) -> F:
    """The arguments every subcommand has: the pod or a file, the output format, the admin port."""
    for decorate in (
        click.argument("pod", required=False),
        click.option("--file", "-f", "file", help="A config dump to read instead of a pod's."),
        click.option("--output", "-o", type=click.Choice(["short", "json", "yaml"]), default="short",
                     show_default=True, help="Output format."),
        click.option("--proxy-admin-port", "admin_port", type=int, default=15000, show_default=True,
                     help="Port of Envoy's admin."),
    ):  # fmt: skip
        function = decorate(function)
    return function


def fetch(pod: str | None, file: str | None, admin_port: int, path: str) -> Any:
    """JSON of an admin page of the pod, or what the file holds."""
    if file:
        with click.open_file(file, "rb") as stream:
            try:
                return json.loads(stream.read())
            except ValueError as error:
                raise click.ClickException(f"{file}: not JSON: {error}") from None
    return json.loads(fetch_bytes(pod, admin_port, path))


def fetch_bytes(pod: str | None, admin_port: int, path: str, method: str = "GET") -> bytes:
    if not pod:
        raise click.UsageError("name a pod, such as finance-api-1 or deployment/finance-api, or give --file")

    async def read(api: HttpApi) -> bytes:
        from tejer.cli.pods import admin_request, find_pod

        namespace = settings().namespace_or_default(api.connection)
        found = await find_pod(api, pod, namespace)
        return await admin_request(api, found, path, port=admin_port, method=method)

    return run_with_api(read)


def fetch_dump(pod: str | None, file: str | None, admin_port: int) -> Dump:
    from tejer.cli.envoydump.dump import Dump

    body = fetch(pod, file, admin_port, "/config_dump?include_eds")
    try:
        return Dump(body)
    except ValueError as error:
        raise click.ClickException(f"{file or pod}: {error}") from None


@proxy_config.command("cluster", cls=GoCommand)
@target
@click.option("--fqdn", default="", help="Clusters of this host.")
@click.option("--port", type=int, default=0, help="Clusters of this port.")
@click.option("--subset", default="", help="Clusters of this subset.")
@click.option("--direction", default="", help="inbound or outbound.")
def cluster(pod: str | None, file: str | None, output: str, admin_port: int, fqdn: str, port: int, subset: str,
            direction: str) -> None:  # fmt: skip
    """Services the proxy can send to."""
    from tejer.cli.envoydump import clusters

    found = clusters.select(fetch_dump(pod, file, admin_port), clusters.Filter(fqdn, port, subset, direction))
    if output != "short":
        print_structured(found, output)
    else:
        print_table(clusters.HEADER, [clusters.row(item) for item in found])


@proxy_config.command("listener", cls=GoCommand)
@target
@click.option("--address", default="", help="Listeners at this address.")
@click.option("--port", type=int, default=0, help="Listeners on this port.")
@click.option("--type", "kind", default="", help="HTTP, TCP or HTTP+TCP.")
@click.option("--verbose/--no-verbose", default=True, help="Show what each listener matches.")
def listener(pod: str | None, file: str | None, output: str, admin_port: int, address: str, port: int, kind: str,
             verbose: bool) -> None:  # fmt: skip
    """Where the proxy listens, and where connections go."""
    from tejer.cli.envoydump import listeners

    found = listeners.select(fetch_dump(pod, file, admin_port), listeners.Filter(address, port, kind))
    if output != "short":
        print_structured(found, output)
    elif verbose:
        print_table(listeners.HEADER, [row for item in found for row in listeners.rows(item)])
    else:
        print_table(listeners.BRIEF_HEADER, [listeners.brief_row(item) for item in found])


@proxy_config.command("route", cls=GoCommand)
@target
@click.option("--name", default="", help="The route configuration of this name.")
@click.option("--verbose/--no-verbose", default=True, hidden=True)
def route(pod: str | None, file: str | None, output: str, admin_port: int, name: str, verbose: bool) -> None:
    """Which requests go where."""
    from tejer.cli.envoydump import routes

    found = routes.select(fetch_dump(pod, file, admin_port), name)
    if output != "short":
        print_structured(found, output)
    else:
        print_table(routes.HEADER, [row for item in found for row in routes.rows(item)])


@proxy_config.command("endpoint", cls=GoCommand)
@target
@click.option("--address", default="", help="Endpoints at this address.")
@click.option("--port", type=int, default=0, help="Endpoints on this port.")
@click.option("--cluster", "name", default="", help="Endpoints of this cluster.")
@click.option("--status", default="", help="healthy or unhealthy.")
def endpoint(pod: str | None, file: str | None, output: str, admin_port: int, address: str, port: int, name: str,
             status: str) -> None:  # fmt: skip
    """Addresses behind each cluster, and their health."""
    from tejer.cli.envoydump import endpoints
    from tejer.cli.envoydump.dump import Dump

    body = fetch(pod, file, admin_port, "/clusters?format=json")
    if "configs" in body:
        body = endpoints.from_dump(Dump(body))
    wanted = endpoints.Filter(address, port, name, status)
    if output != "short":
        print_structured(endpoints.statuses(body, wanted), output)
    else:
        print_table(endpoints.HEADER, [item.row for item in endpoints.select(body, wanted)])


@proxy_config.command("secret", cls=GoCommand)
@target
def secret(pod: str | None, file: str | None, output: str, admin_port: int) -> None:
    """Certificates and trusted roots."""
    dump = fetch_dump(pod, file, admin_port)
    if output != "short":
        print_structured([item for _, item in dump.secrets()], output)
    else:
        _print_secrets(dump)


def _print_secrets(dump: Dump) -> None:
    from datetime import UTC, datetime

    from tejer.cli.envoydump import secrets

    print_table(secrets.HEADER, secrets.rows(dump, datetime.now(UTC)))


@proxy_config.command("bootstrap", cls=GoCommand)
@target
def bootstrap(pod: str | None, file: str | None, output: str, admin_port: int) -> None:
    """What the proxy was started with."""
    from tejer.cli.envoydump.bootstrap import summary

    dump = fetch_dump(pod, file, admin_port)
    if output == "short":
        click.echo("\n".join(summary(dump)))
    else:
        print_structured(dump.bootstrap(), output)


@proxy_config.command("ecds", cls=GoCommand)
@target
def ecds(pod: str | None, file: str | None, output: str, admin_port: int) -> None:
    """Filters delivered on their own."""
    found = list(fetch_dump(pod, file, admin_port).extensions())
    if output != "short":
        print_structured(found, output)
    else:
        rows = [(item.get("name", ""), (item.get("typed_config") or {}).get("@type", "")) for item in found]
        print_table(("ECDS NAME", "TYPE"), rows)


@proxy_config.command("all", cls=GoCommand)
@target
def all_(pod: str | None, file: str | None, output: str, admin_port: int) -> None:
    """Everything: clusters, listeners, routes, secrets, start."""
    from tejer.cli.envoydump import bootstrap as start
    from tejer.cli.envoydump import clusters, listeners, routes

    dump = fetch_dump(pod, file, admin_port)
    if output != "short":
        print_structured(dump.body, output)
        return
    click.echo("------ CLUSTER INFO ------")
    print_table(clusters.HEADER, [clusters.row(item) for item in clusters.select(dump, clusters.Filter())])
    click.echo("\n------ LISTENER INFO ------")
    found = listeners.select(dump, listeners.Filter())
    print_table(listeners.HEADER, [row for item in found for row in listeners.rows(item)])
    click.echo("\n------ ROUTE INFO ------")
    print_table(routes.HEADER, [row for item in routes.select(dump) for row in routes.rows(item)])
    click.echo("\n------ SECRET INFO ------")
    _print_secrets(dump)
    click.echo("\n------ BOOTSTRAP INFO ------")
    click.echo("\n".join(start.summary(dump)))


@proxy_config.command("log", cls=GoCommand)
@click.argument("pod")
@click.option("--level", default="", help="A level for all loggers, or LOGGER:LEVEL,LOGGER:LEVEL.")
@click.option("--reset", "-r", is_flag=True, help="Back to warning.")
@output_option("short", "json", "yaml")
@click.option("--proxy-admin-port", "admin_port", type=int, default=15000, show_default=True)
def log(pod: str, level: str, reset: bool, output: str, admin_port: int) -> None:
    """Show or change what the proxy logs."""
    changes = ["level=warning"] if reset else []
    for part in level.split(",") if level else ():
        name, colon, value = part.rpartition(":")
        changes.append(f"{name}={value}" if colon and name != "all" else f"level={value}")
    for change in changes:
        fetch_bytes(pod, admin_port, f"/logging?{change}", "POST")
    text = fetch_bytes(pod, admin_port, "/logging", "POST").decode(errors="replace").rstrip()
    if output == "short":
        click.echo(text)
    else:
        print_structured({"loggers": loggers(text)}, output)


def loggers(text: str) -> dict[str, str]:
    """Level by logger, from Envoy's page: a heading, then lines `  NAME: LEVEL`."""
    lines = (line.partition(": ") for line in text.splitlines() if line.startswith(" "))
    return {name.strip(): level.strip() for name, _, level in lines}
