"""Pages of the running istiods, read through the API server, so it works wherever kubectl does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from tejer.kube.resource import Body, name_of

if TYPE_CHECKING:
    from tejer.kube.client import HttpApi

SELECTOR = "app=istiod"
HEALTH_PORT, MONITORING_PORT = 8080, 15014


async def istiods(api: HttpApi, namespace: str) -> list[Body]:
    """The running istiod pods. Raises click.ClickException where there is none."""
    from tejer.kube.types import PODS

    pods = (await api.list(PODS, namespace, label_selector=SELECTOR)).items
    running = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"]
    if not running:
        hint = "try `tejer install`, or -i NAMESPACE"
        raise click.ClickException(f"no running Istio pods in namespace {namespace!r}: {hint}")
    return running


async def page(api: HttpApi, namespace: str, path: str, port: int = HEALTH_PORT) -> dict[str, Any]:
    """The JSON page of every istiod, by pod."""
    from tejer.kube.portforward import http_get

    pages = {}
    for pod in await istiods(api, namespace):
        answer = await http_get(api, namespace, name_of(pod), port, path)
        if answer.status != 200:
            raise click.ClickException(f"istiod {name_of(pod)} answered {answer.status} to {path}")
        pages[name_of(pod)] = json.loads(answer.body)
    return pages
