"""One-time links to our own addons: the user's name goes in by exec, a code comes out, and RBAC decides the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from tejer.kube.api import ApiError
from tejer.kube.resource import Body, metadata, name_of, namespace_of

if TYPE_CHECKING:
    from tejer.kube.client import HttpApi

SERVICES = {"prometheus": "prometheus", "grafana": "grafana", "jaeger": "tracing"}
"""The Service that each of our addons guards itself by."""
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_OURS = "tejer/"


async def login_path(api: HttpApi, pod: Body, addon: str) -> str:
    """`/login?code=...`, or "" for an addon that is not ours (users may run the real ones) or gives no code.

    Why there is none is said on stderr: the page itself then asks for a token.
    """
    from tejer.kube.execute import execute

    container = serving_container(pod)
    if addon not in SERVICES or not container:
        return ""
    try:
        who = await _myself(api)
        command = ["python", "-m", "tejer.observe.access.link", SERVICES[addon], who]
        done = await execute(api, namespace_of(pod), name_of(pod), container, command)
    except (ApiError, OSError) as error:
        click.echo(f"no one-time link ({error}): log in with a token", err=True)
        return ""
    if done.code != 0:
        reason = done.err.decode(errors="replace").strip() or f"exit code {done.code}"
        click.echo(f"no one-time link ({reason}): log in with a token", err=True)
        return ""
    return f"/login?code={done.out.decode().strip()}"


def serving_container(pod: Body) -> str:
    """The container of ours that serves the pages: the pod's default one, else the first. "" in others' pods."""
    containers = [one for one in pod["spec"]["containers"] if str(one.get("image", "")).startswith(_OURS)]
    default = (metadata(pod).get("annotations") or {}).get(DEFAULT_CONTAINER, "")
    names = [str(one["name"]) for one in containers]
    return default if default in names else next(iter(names), "")


async def _myself(api: HttpApi) -> str:
    """Who the API server takes us for, as the link's command wants it."""
    from tejer.kube.types import SELFSUBJECTREVIEWS as REVIEWS

    review = await api.create(REVIEWS, {"apiVersion": REVIEWS.api_version, "kind": REVIEWS.kind})
    user = (review.get("status") or {}).get("userInfo") or {}
    return msgspec.json.encode({"user": user.get("username", ""), "groups": user.get("groups") or []}).decode()
