"""`tejer demo`: a running mesh with the sample inside, and a few real requests to look at.

On the embedded cluster, which is started if need be, or with --context on any other that the mesh is to be tried on.
Repeating it is harmless: what is there stays, secrets included.
"""

from __future__ import annotations

import asyncio
import datetime
import time
from typing import TYPE_CHECKING, Any

import click

from tejer.cli.output import print_structured, print_table
from tejer.cli.settings import run_with_api, settings
from tejer.cli.steps import Tell, step

if TYPE_CHECKING:
    from tejer.cli.demo_requests import Seen
    from tejer.cluster.config import ClusterConfig
    from tejer.kube.client import HttpApi
    from tejer.kube.resource import Body

PROFILE = "demo"
WAIT_SECONDS = 180.0


@click.command()
@click.option("--no-requests", is_flag=True, help="Set everything up and send nothing.")
@click.option("--output", "-o", type=click.Choice(["text", "json", "yaml"]), default="text", help="Output format.")
def demo(no_requests: bool, output: str) -> None:
    """Start the cluster, the mesh and the finance-app sample, and send requests through it."""
    quiet = output != "text"
    config = None if settings().context else _embedded(quiet)
    run_with_api(lambda api: _set_up(api, config, quiet))
    seen = [] if no_requests else run_with_api(lambda api: _send(api, config, quiet))
    if quiet:
        print_structured([request._asdict() for request in seen], output)
        return
    _show(seen)
    _say_what_next(config)


def _embedded(quiet: bool) -> ClusterConfig:
    """Bring the embedded cluster up, with the mesh, and make it the one this command speaks to."""
    from tejer.cli.up import bring_up

    config, _ = bring_up(None, {}, PROFILE, quiet)
    settings().kubeconfig, settings().context = str(config.admin_kubeconfig), "tejer"
    return config


async def _set_up(api: HttpApi, config: ClusterConfig | None, quiet: bool) -> None:
    from tejer.cli import sample
    from tejer.cli.installing import apply_bodies, install_mesh
    from tejer.istiod.install.options import build_options

    if config is None:
        with step("Mesh", quiet=quiet) as tell:
            await install_mesh(api, build_options([f"profile={PROFILE}"], []), done=tell)
    with step("finance-app sample", quiet=quiet) as tell:
        bodies = sample.manifests()
        await apply_bodies(api, bodies[:1])
        await _make_once(api, sample.database_secret())
        await _make_once(api, sample.certificate_secret(datetime.datetime.now(datetime.UTC)))
        await apply_bodies(api, bodies[1:])
        await _wait_ready(api, [body for body in bodies if body["kind"] == "Deployment"], tell)


async def _make_once(api: HttpApi, secret: Body) -> None:
    """Secrets are random: one that exists is in use, and stays."""
    from tejer.kube.api import ApiError
    from tejer.kube.resource import namespace_of
    from tejer.kube.types import SECRETS

    try:
        await api.create(SECRETS, secret, namespace_of(secret))
    except ApiError as error:
        if error.reason != "AlreadyExists":
            raise


async def _wait_ready(api: HttpApi, deployments: list[Body], tell: Tell) -> None:
    """Raises TimeoutError with the reason of each Deployment that is not available in time."""
    from tejer.cli.installing import available, why_not_ready
    from tejer.kube.resource import name_of, namespace_of
    from tejer.kube.types import DEPLOYMENTS

    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        current = [await api.get(DEPLOYMENTS, name_of(body), namespace_of(body)) for body in deployments]
        waiting = [body for body in current if not available(body)]
        if not waiting:
            return
        ready = len(current) - len(waiting)
        tell(f"{ready} of {len(current)} ready, waiting for {', '.join(name_of(body) for body in waiting)}")
        if time.monotonic() > deadline:
            reasons = [f"\n  {reason}" for body in waiting for reason in await why_not_ready(api, body)]
            raise TimeoutError(f"the sample did not become ready in {WAIT_SECONDS:.0f} s{''.join(reasons)}")
        await asyncio.sleep(0.1)


async def _send(api: HttpApi, config: ClusterConfig | None, quiet: bool) -> list[Seen]:
    from tejer.cli.demo_requests import send_all

    with step("Requests through the mesh", quiet=quiet) as tell:
        return await send_all(api, config, tell)


def _show(seen: list[Seen]) -> None:
    if not seen:
        return
    header = ("REQUEST", "CALLER", "CALLEE", "TLS", "ANSWER")
    # The trust domain is the same in every line and in no question that a reader has.
    short = [one._replace(caller=one.caller.removeprefix("cluster.local/")) for one in seen]
    rows: list[tuple[Any, ...]] = [tuple(one) for one in short]
    click.echo("")
    print_table(header, rows, padding=3)


def _say_what_next(config: ClusterConfig | None) -> None:
    lines = ["", "Try:"]
    if config is not None:
        lines += [
            f"  curl http://localhost:{config.ingress_http_port}/accounts",
            f"  curl -k https://localhost:{config.ingress_https_port}/version",
        ]
    lines += [
        "  kubectl get pods -n finance-app",
        "  istioctl proxy-config routes deploy/load-generator -n finance-app",
        "  istioctl analyze -n finance-app",
        "  kubectl logs deploy/finance-api-v1 -n finance-app -c istio-proxy",
    ]
    if config is not None:
        lines += ["  tejer down"]
    click.echo("\n".join(lines))
