"""`dashboard`: forward a local port to a dashboard and open it in the browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tejer.cli.goflags import GoCommand
from tejer.cli.settings import run_with_api, settings
from tejer.kube.resource import name_of

if TYPE_CHECKING:
    from tejer.kube.client import HttpApi
    from tejer.kube.resource import Body

F = TypeVar("F", bound=Callable[..., Any])
ADDONS = {"kiali": 20001, "prometheus": 9090, "grafana": 3000, "jaeger": 16686, "zipkin": 9411, "skywalking": 8080}
"""Each addon and the port its dashboard listens on, in its pod and by default here."""
SELECTORS = {
    "kiali": "app=kiali", "prometheus": "app.kubernetes.io/name=prometheus",
    "grafana": "app.kubernetes.io/name=grafana",
    "jaeger": "app=jaeger", "zipkin": "app=zipkin", "skywalking": "app=skywalking-ui",
}  # fmt: skip
SHIPPED = ("prometheus", "grafana", "jaeger")
"""Addons in samples/addons."""
ISTIOD_PORT = 8080


@click.group()
def dashboard() -> None:
    """Open a dashboard in the browser. It works until you press Ctrl-C."""


def forwarding(function: F) -> F:
    """The options of every dashboard."""
    for decorate in (
        click.option("--port", "-p", type=click.IntRange(0, 65535), default=0, help="Local port; 0 takes the usual."),
        click.option("--address", default="localhost", show_default=True, help="Local address."),
        click.option("--browser/--no-browser", default=True, show_default=True, help="Open the browser."),
        click.option("--ui-port", type=int, default=0, help="The dashboard's port in its pod."),
    ):
        function = decorate(function)
    return function


@dashboard.command(cls=GoCommand)
@click.argument("pod", required=False)
@click.option("--selector", "-l", default="", help="A pod with these labels.")
@forwarding
def envoy(pod: str | None, selector: str, port: int, address: str, browser: bool, ui_port: int) -> None:
    """Envoy's admin pages: POD is `[type/]name[.namespace]`."""
    if not pod and not selector:
        raise click.UsageError("name a pod, such as deployment/finance-api, or give --selector")

    async def work(api: HttpApi) -> None:
        from tejer.cli.pods import ADMIN_PORT, find_pod

        namespace = settings().namespace_or_default(api.connection)
        found = await find_pod(api, pod, namespace) if pod else await _by_labels(api, namespace, selector, "envoy")
        await _serve(api, found, ui_port or ADMIN_PORT, address, port or ADMIN_PORT, browser)

    _until_interrupted(work)


@dashboard.command("istiod-debug", cls=GoCommand)
@forwarding
def istiod_debug(port: int, address: str, browser: bool, ui_port: int) -> None:
    """istiod's debug pages."""

    async def work(api: HttpApi) -> None:
        from tejer.cli.istiods import istiods

        pod = (await istiods(api, settings().istio_namespace))[0]
        await _serve(api, pod, ui_port or ISTIOD_PORT, address, port or 15014, browser, "/debug")

    _until_interrupted(work)


def _addon(name: str) -> click.Command:
    @click.command(name, cls=GoCommand, help=f"{name.capitalize()}'s dashboard.")
    @forwarding
    def command(port: int, address: str, browser: bool, ui_port: int) -> None:
        async def work(api: HttpApi) -> None:
            from tejer.cli.links import login_path

            namespace = settings().namespace or settings().istio_namespace
            pod = await _by_labels(api, namespace, SELECTORS[name], name)
            path = await login_path(api, pod, name)
            await _serve(api, pod, ui_port or ADDONS[name], address, port or ADDONS[name], browser, path)

        _until_interrupted(work)

    return command


for _name in ADDONS:
    dashboard.add_command(_addon(_name))


async def _by_labels(api: HttpApi, namespace: str, selector: str, name: str) -> Body:
    from tejer.kube.types import PODS

    pods = (await api.list(PODS, namespace, label_selector=selector)).items
    running = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]
    if not running:
        raise click.ClickException(_absent(namespace, selector, name, pods))
    return running[0]


def _absent(namespace: str, selector: str, name: str, pods: list[Body]) -> str:
    """Why there is nothing to open, and what to do about it."""
    if pods:
        states = ", ".join(f"{name_of(pod)} is {(pod.get('status') or {}).get('phase', 'Pending')}" for pod in pods)
        return f"no {name} pod runs in namespace {namespace}: {states}\nTry: kubectl get pods -n {namespace}"
    missing = f"no {name} pod runs in namespace {namespace} (label {selector})"
    if name in SHIPPED:
        return f"{missing}: the addon {name} is not installed\nTry: kubectl apply -f samples/addons/{name}.yaml"
    return f"{missing}: the addon {name} is not installed"


async def _serve(
    api: HttpApi, pod: Body, pod_port: int, address: str, port: int, browser: bool, path: str = ""
) -> None:
    """Accept local connections and carry each to the pod, for ever."""
    from tejer.cli.forwarding import carry

    server = await _listen(lambda reader, writer: carry(api, pod, pod_port, reader, writer), address, port)
    url = f"http://{address}:{server.sockets[0].getsockname()[1]}{path}"
    click.echo(url)
    if browser:
        import webbrowser

        await asyncio.get_running_loop().run_in_executor(None, webbrowser.open, url)
    async with server:
        await server.serve_forever()


async def _listen(handler: Any, address: str, port: int) -> asyncio.Server:
    """On `port`, or on a free one where that is taken."""
    try:
        return await asyncio.start_server(handler, address, port)
    except OSError:
        click.echo(f"port {port} is taken, another one is used", err=True)
        return await asyncio.start_server(handler, address, 0)


def _until_interrupted(work: Callable[[HttpApi], Any]) -> None:
    try:
        run_with_api(work)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return
