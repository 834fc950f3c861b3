"""From what people write (`web-1`, `deployment/web`, `web-1.prod`) to a pod, and requests to the ports inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tejer.kube.resource import Body, name_of, namespace_of

if TYPE_CHECKING:
    from tejer.kube.client import HttpApi

ADMIN_PORT = 15000


async def find_pod(api: HttpApi, text: str, namespace: str) -> Body:
    """The pod `[type/]name[.namespace]` means; of a workload or service, one of its running pods.

    Raises click.ClickException saying which names there are.
    """
    from tejer.kube.api import ApiError
    from tejer.kube.types import PODS

    kind, slash, name = text.rpartition("/")
    if slash and kind not in ("pod", "pods", "po"):
        return await _pod_behind(api, kind, name, namespace)
    for candidate, place in ((name, namespace), name.rsplit(".", 1) if "." in name else ("", "")):
        if candidate:
            try:
                return await api.get(PODS, candidate, place)
            except ApiError as error:
                if error.code != 404:
                    raise
    names = [name_of(pod) for pod in (await api.list(PODS, namespace)).items]
    known = f"pods there: {', '.join(names[:8])}" if names else f"namespace {namespace} has no pods: try -n NAMESPACE"
    raise click.ClickException(f'pods "{name}" not found in namespace {namespace}; {known}')


async def _pod_behind(api: HttpApi, kind: str, name: str, namespace: str) -> Body:
    from tejer.cli.kinds import resolve_name
    from tejer.kube.types import PODS

    (rtype, *_) = await resolve_name(api, kind)
    spec = (await api.get(rtype, name, namespace)).get("spec") or {}
    selector = spec.get("selector") or {}
    labels = selector.get("matchLabels", selector)
    text = ",".join(f"{key}={value}" for key, value in labels.items())
    pods = (await api.list(PODS, namespace, label_selector=text)).items if text else []
    running = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]
    if not running:
        raise click.ClickException(f"{kind}/{name} in namespace {namespace} has no running pod")
    return running[0]


async def admin_request(api: HttpApi, pod: Body, path: str, *, port: int = ADMIN_PORT, method: str = "GET") -> bytes:
    """One request to the Envoy admin port of a pod. Raises click.ClickException where there is no Envoy."""
    from tejer.kube.portforward import http_get

    where = f"{namespace_of(pod)}/{name_of(pod)}"
    try:
        answer = await http_get(api, namespace_of(pod), name_of(pod), port, path, method=method)
    except OSError as error:
        raise click.ClickException(
            f"{error}\nHas pod {where} a sidecar? Its containers: {', '.join(_containers(pod))}"
        ) from None
    if answer.status != 200:
        raise click.ClickException(f"Envoy of pod {where} answered {answer.status} to {path}")
    return answer.body


def _containers(pod: Body) -> list[str]:
    return [str(container["name"]) for container in (pod.get("spec") or {}).get("containers", ())]
