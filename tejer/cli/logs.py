"""`tejer logs`: of a pod, of a part of the mesh, or of the cluster itself."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tejer.cli.settings import run_with_api, settings

if TYPE_CHECKING:
    from tejer.kube.client import HttpApi
    from tejer.kube.resource import Body

CLUSTER = "cluster"
_POLL = 0.2
_DEPLOYMENT_PREFIXES = ("deploy/", "deployment/", "deployments/", "deployment.apps/")


@click.command()
@click.argument("target", default=CLUSTER)
@click.option("--container", "-c", default="", help="Container of the pod; the application's by default.")
@click.option("--follow", "-f", is_flag=True, help="Go on as the log grows.")
@click.option("--tail", type=click.IntRange(0), help="Only the last lines.")
@click.option("--previous", "-p", is_flag=True, help="Of the container's run before this one.")
@click.option("--timestamps", is_flag=True, help="With the time of each line.")
def logs(target: str, container: str, follow: bool, tail: int | None, previous: bool, timestamps: bool) -> None:
    """Print the log of TARGET: a pod, deploy/NAME, a part of the mesh (istiod, istio-ingressgateway), or "cluster"."""
    if target == CLUSTER:
        _cluster_log(follow, tail)
        return
    params = {
        "follow": "true" if follow else "",
        "previous": "true" if previous else "",
        "timestamps": "true" if timestamps else "",
        "tailLines": "" if tail is None else str(tail),
    }
    run_with_api(lambda api: _pod_log(api, target, container, params))


def _cluster_log(follow: bool, tail: int | None) -> None:
    from tejer.cluster.config import ClusterConfig, default_home

    path = ClusterConfig(home=default_home()).daemon_log
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        raise click.ClickException(f"there is no {path}: `tejer up` starts a cluster") from None
    lines = text.splitlines(keepends=True)
    sys.stdout.write("".join(lines if tail is None else lines[len(lines) - tail :]))
    if follow:
        _follow(path, len(text.encode()))


def _follow(path: Path, position: int) -> None:
    while True:
        sys.stdout.flush()
        time.sleep(_POLL)
        size = path.stat().st_size if path.exists() else 0
        if size < position:  # it was rotated
            position = 0
        with path.open("rb") as file:
            file.seek(position)
            chunk = file.read()
        position += len(chunk)
        sys.stdout.write(chunk.decode(errors="replace"))


async def _pod_log(api: HttpApi, target: str, container: str, params: dict[str, str]) -> None:
    import aiohttp

    from tejer.kube.resource import metadata, name_of, namespace_of
    from tejer.kube.types import PODS

    pod = await _find_pod(api, target)
    default = (metadata(pod).get("annotations") or {}).get("kubectl.kubernetes.io/default-container", "")
    container = container or default or pod["spec"]["containers"][0]["name"]
    path = PODS.path(namespace_of(pod), name_of(pod), "log")
    query = {name: value for name, value in {**params, "container": container}.items() if value}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    async with api.session.get(
        api.connection.server + path, params=query, headers=api.headers(), timeout=timeout
    ) as response:
        if response.status >= 400:
            answer = await response.json(content_type=None)
            raise click.ClickException(str(answer.get("message", response.reason)))
        async for chunk in response.content.iter_any():
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()


async def _find_pod(api: HttpApi, target: str) -> Body:
    """A pod by name; the first running one of a Deployment; a part of the mesh by its Deployment's name."""
    from tejer.kube.api import ApiError
    from tejer.kube.types import PODS

    namespace = settings().namespace_or_default(api.connection)
    for prefix in _DEPLOYMENT_PREFIXES:
        if target.startswith(prefix):
            return await _pod_of(api, target.removeprefix(prefix), namespace)
    try:
        return await api.get(PODS, target.removeprefix("pod/"), namespace)
    except ApiError as error:
        if error.code != 404:
            raise
    for place in dict.fromkeys((settings().istio_namespace, namespace)):
        try:
            return await _pod_of(api, target, place)
        except ApiError as error:
            if error.code != 404:
                raise
    raise click.ClickException(
        f"no pod and no Deployment {target!r} in {namespace} or {settings().istio_namespace}: see `tejer get pods -A`"
    )


async def _pod_of(api: HttpApi, name: str, namespace: str) -> Body:
    from tejer.kube.types import DEPLOYMENTS, PODS

    deployment = await api.get(DEPLOYMENTS, name, namespace)
    labels = deployment["spec"]["selector"].get("matchLabels") or {}
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    pods = (await api.list(PODS, namespace, label_selector=selector)).items
    if not pods:
        raise click.ClickException(f"Deployment {name} has no pods: see `tejer get events -n {namespace}`")
    running = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]
    return (running or pods)[0]
