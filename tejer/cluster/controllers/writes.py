"""What a reconcile function may ask for. Values only: `runner` is the one place that performs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from tejer.kube.api import ApiError
from tejer.kube.resource import Body, Key, metadata
from tejer.kube.types import EVENTS, ResourceType


class OwnerAddress(NamedTuple):
    """One object to look for on the server: it counts only with this uid."""

    rtype: ResourceType
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """`on_created` gives further writes for the object as the server made it, `on_error` for a refusal.

    A refusal is retried with back-off; with `ignore_conflict` an object of that name is as good as ours.
    """

    rtype: ResourceType
    body: Body
    on_created: Callable[[Body], list[Write]] | None = None
    on_error: Callable[[ApiError], list[Write]] | None = None
    ignore_conflict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Replace the object (or its subresource); conditional on the resourceVersion in the body."""

    rtype: ResourceType
    body: Body
    subresource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A JSON merge patch. With `version` in it (metadata.resourceVersion) it is conditional."""

    rtype: ResourceType
    key: Key
    patch: Any
    subresource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete the object with this uid, but only if none of `unless_alive` exists on the server."""

    rtype: ResourceType
    key: Key
    uid: str
    propagation: str = ""
    unless_alive: tuple[OwnerAddress, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Reconcile the same key again after some seconds even if nothing changes."""

    seconds: float


Write: TypeAlias = Create | Update | Patch | Delete | Again


def set_status(rtype: ResourceType, body: Body, status: Body) -> list[Write]:
    """The write that makes `status` the object's status; nothing when it is already."""
    if body.get("status") == status:
        return []
    return [Update(rtype=rtype, body={**body, "status": status}, subresource="status")]


def event(about: Body, kind: str, component: str, reason: str, message: str, now: datetime) -> Create:
    """An Event of type `kind` (Normal or Warning) about an object."""
    meta = metadata(about)
    namespace = meta.get("namespace") or "default"
    stamp = timestamp(now)
    involved = {
        "apiVersion": about.get("apiVersion", ""), "kind": about.get("kind", ""), "name": meta.get("name", ""),
        "namespace": meta.get("namespace", ""), "uid": meta.get("uid", ""),
        "resourceVersion": meta.get("resourceVersion", ""),
    }  # fmt: skip
    body: Body = {
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": f"{meta.get('name', '')}.{_nanoseconds(now):016x}", "namespace": namespace},
        "involvedObject": {name: value for name, value in involved.items() if value},
        "type": kind, "reason": reason, "message": message, "count": 1,
        "source": {"component": component}, "reportingComponent": component, "reportingInstance": "",
        "firstTimestamp": stamp, "lastTimestamp": stamp,
    }  # fmt: skip
    return Create(rtype=EVENTS, body=body, ignore_conflict=True)


def _nanoseconds(now: datetime) -> int:
    return int(now.timestamp() * 1_000_000_000)


def timestamp(now: datetime) -> str:
    """RFC 3339 in whole seconds, as Kubernetes writes times. `now` is in UTC."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> datetime:
    """The reverse of `timestamp`. Raises ValueError."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
