"""`version`: of this program, of the control plane and of the proxies."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from tejer.cli.goflags import GoCommand
from tejer.cli.output import print_structured
from tejer.cli.settings import run_with_api, settings
from tejer.kube.version import VERSION

if TYPE_CHECKING:
    from tejer.kube.client import HttpApi


@click.command(cls=GoCommand)
@click.option("--short/--no-short", "-s", default=True, hidden=True)
@click.option("--remote/--no-remote", default=True, show_default=True, help="Ask the control plane too.")
@click.option("--output", "-o", type=click.Choice(["short", "json", "yaml"]), default="short", help="Output format.")
def version(short: bool, remote: bool, output: str) -> None:
    """Print the versions of this program, of the control plane and of the proxies."""
    client = {"version": VERSION, "status": "Clean"}
    planes, proxies, note = _remote() if remote else ([], [], "")
    if output != "short":
        facts: dict[str, Any] = {"clientVersion": client}
        if planes:
            facts |= {"meshVersion": planes, "dataPlaneVersion": proxies}
        print_structured(facts, output)
        return
    if not remote:
        click.echo(VERSION)
        return
    if note:
        click.echo(note, err=True)
    click.echo(f"client version: {VERSION}")
    if planes:
        click.echo(f"control plane version: {', '.join(sorted({plane['Info']['version'] for plane in planes}))}")
        counted = Counter(proxy["IstioVersion"] for proxy in proxies)
        texts = [f"{name} ({count} {'proxy' if count == 1 else 'proxies'})" for name, count in sorted(counted.items())]
        click.echo(f"data plane version: {', '.join(texts) or 'none'}")


def _remote() -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    """(control planes, proxies, what went wrong): a missing cluster is no error of `version`."""
    from tejer.kube.api import ApiError

    try:
        return run_with_api(_ask)
    except click.ClickException as error:
        return [], [], error.message
    except (OSError, ApiError) as error:
        return [], [], f"unable to retrieve the control plane's version: {error}"


async def _ask(api: HttpApi) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    from tejer.cli.istiods import MONITORING_PORT, page

    namespace = settings().istio_namespace
    versions = await page(api, namespace, "/version", MONITORING_PORT)
    planes = [{"Component": "pilot", "Revision": "default", "Info": info} for info in versions.values()]
    synced = await page(api, namespace, "/debug/syncz")
    connected = [proxy for one in synced.values() for proxy in one]
    proxies = [{"ID": proxy["proxy"], "IstioVersion": proxy.get("istio_version", "")} for proxy in connected]
    return planes, proxies, ""
