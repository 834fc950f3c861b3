"""`proxy-status`: which proxies are connected, in sync, or have refused what istiod sent. istioctl's columns."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from tejer.cli.goflags import GoCommand
from tejer.cli.output import print_structured, print_table
from tejer.cli.settings import run_with_api, settings

if TYPE_CHECKING:
    from tejer.kube.client import HttpApi

BRIEF = ("NAME", "CLUSTER", "ISTIOD", "VERSION", "SUBSCRIBED TYPES")
VERBOSE_TYPES = ("CDS", "LDS", "EDS", "RDS", "ECDS")
VERBOSE = ("NAME", "CLUSTER", *VERBOSE_TYPES, "ISTIOD", "VERSION")


@click.command(cls=GoCommand)
@click.argument("pod", required=False)
@click.option("--output", "-o", type=click.Choice(["table", "json", "yaml"]), default="table", help="Output format.")
@click.option("--verbosity", "-v", type=int, default=1, show_default=True, help="0 lists types, 1 shows their state.")
@click.option("--file", "-f", "file", help="A config dump to compare, instead of the pod's.")
def proxy_status(pod: str | None, output: str, verbosity: int, file: str | None) -> int:
    """Show what each proxy has been sent and has taken; with POD, what differs between istiod's view and Envoy's."""
    if pod or file:
        return _compare(pod, file)
    pages = run_with_api(_pages)
    proxies = sorted((proxy for page in pages.values() for proxy in page), key=lambda proxy: str(proxy["proxy"]))
    if output != "table":
        print_structured(proxies, output)
        return 0
    now = datetime.now(UTC)
    if verbosity:
        print_table(VERBOSE, [_verbose_row(proxy, now) for proxy in proxies])
    else:
        print_table(BRIEF, [_brief_row(proxy) for proxy in proxies])
    for proxy in proxies:
        for kind, state in (proxy.get("types") or {}).items():
            if state.get("error"):
                objects = ", ".join(state.get("objects") or ()) or "no object of yours"
                click.echo(f"{proxy['proxy']} refused {kind}: {state['error']} (made from: {objects})", err=True)
    return 0


async def _pages(api: HttpApi) -> dict[str, Any]:
    from tejer.cli.istiods import page

    return await page(api, settings().istio_namespace, "/debug/syncz")


def _brief_row(proxy: dict[str, Any]) -> tuple[str, ...]:
    types = [kind for kind in VERBOSE_TYPES if kind in (proxy.get("types") or {})]
    return (str(proxy["proxy"]), str(proxy.get("cluster_id", "")), str(proxy.get("istiod", "")),
            str(proxy.get("istio_version", "")), f"{len(types)} ({','.join(types)})")  # fmt: skip


def _verbose_row(proxy: dict[str, Any], now: datetime) -> tuple[str, ...]:
    types = proxy.get("types") or {}
    states = [state_text(types.get(kind), now) for kind in VERBOSE_TYPES]
    return (str(proxy["proxy"]), str(proxy.get("cluster_id", "")), *states, str(proxy.get("istiod", "")),
            str(proxy.get("istio_version", "")))  # fmt: skip


def state_text(state: dict[str, Any] | None, now: datetime) -> str:
    """`SYNCED (5m)`, `STALE`, `ERROR`, `NOT SENT`; `IGNORED` for a type the proxy did not ask for."""
    if state is None:
        return "IGNORED"
    text = str(state.get("status", "")).upper()
    if text == "SYNCED" and state.get("acked_at"):
        return f"{text} ({age(datetime.fromisoformat(state['acked_at']), now)})"
    return text


def age(then: datetime, now: datetime) -> str:
    """Time since, in its largest unit: 45s, 5m, 3h, 2d."""
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _compare(pod: str | None, file: str | None) -> int:
    """Names and content of what istiod wants a proxy to have, against what its Envoy has."""
    from tejer.cli.envoydump.compare import compare

    if not pod:
        raise click.UsageError("name the pod that the dump is of")

    async def read(api: HttpApi) -> tuple[dict[str, Any], dict[str, Any]]:
        from tejer.cli.istiods import page
        from tejer.cli.pods import admin_request, find_pod
        from tejer.kube.resource import name_of, namespace_of

        found = await find_pod(api, pod, settings().namespace_or_default(api.connection))
        path = f"/debug/config_dump?proxyID={name_of(found)}.{namespace_of(found)}"
        wanted = next(iter((await page(api, settings().istio_namespace, path)).values()))
        if file:
            with click.open_file(file, "rb") as stream:
                return wanted, json.loads(stream.read())
        return wanted, json.loads(await admin_request(api, found, "/config_dump?include_eds"))

    wanted, has = run_with_api(read)
    differences = compare(wanted, has)
    for line in differences.lines:
        click.echo(line)
    return 0
