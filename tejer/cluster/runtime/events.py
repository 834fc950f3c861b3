"""Events of the node, as `kubectl describe` shows them. Recording never waits; a full queue drops the oldest.

A repeated event counts up instead of piling up, as client-go's correlator does it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime

from tejer.kube.api import Api, ApiError
from tejer.kube.resource import Body, metadata
from tejer.kube.types import EVENTS

log = logging.getLogger(__name__)

_QUEUE, _REMEMBERED = 500, 1000


def timestamp(seconds: float) -> str:
    """RFC 3339 in whole seconds, as `metav1.Time`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class _Event:
    involved: Body
    kind: str
    reason: str
    message: str
    component: str
    at: float


class EventRecorder:
    """`normal` and `warning` may be called from the loop at any time; `run` writes them."""

    def __init__(self, api: Api, node_name: str) -> None:
        self._api, self._node_name = api, node_name
        self._queue: asyncio.Queue[_Event] = asyncio.Queue(_QUEUE)
        self._last = 0
        self._known: OrderedDict[tuple[str, ...], tuple[str, int]] = OrderedDict()

    def normal(self, obj: Body, reason: str, message: str, *, field: str = "", component: str = "kubelet") -> None:
        self._put(obj, "Normal", reason, message, field, component)

    def warning(self, obj: Body, reason: str, message: str, *, field: str = "", component: str = "kubelet") -> None:
        self._put(obj, "Warning", reason, message, field, component)

    def _put(self, obj: Body, kind: str, reason: str, message: str, field: str, component: str) -> None:
        meta = metadata(obj)
        involved = {
            "apiVersion": obj.get("apiVersion", "v1"), "kind": obj.get("kind", "Pod"),
            "name": meta.get("name", ""), "namespace": meta.get("namespace", ""), "uid": meta.get("uid", ""),
            "resourceVersion": meta.get("resourceVersion", ""),
        }  # fmt: skip
        if field:
            involved["fieldPath"] = field
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(_Event(involved, kind, reason, message[:1024], component, time.time()))

    async def run(self) -> None:
        while True:
            event = await self._queue.get()
            try:
                await self._write(event)
            except ApiError as error:
                log.debug("event %s of %s not written: %s", event.reason, event.involved["name"], error.message)
            except OSError as error:
                log.debug("event %s not written: %s", event.reason, error)

    async def _write(self, event: _Event) -> None:
        involved = event.involved
        namespace = involved["namespace"] or "default"
        key = (involved["uid"], involved.get("fieldPath", ""), event.kind, event.reason, event.message)
        if key in self._known:
            name, count = self._known[key]
            self._known[key] = (name, count + 1)
            try:
                change = {"count": count + 1, "lastTimestamp": timestamp(event.at)}
                await self._api.patch(EVENTS, name, namespace, change)
                return
            except ApiError as error:
                if error.code != 404:
                    raise
        self._last = max(self._last + 1, time.time_ns())  # names in order of time: so lists show them
        name = f"{involved['name']}.{self._last:x}"
        self._known[key] = (name, 1)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        await self._api.create(EVENTS, _body(event, name, namespace, self._node_name), namespace)


def _body(event: _Event, name: str, namespace: str, node_name: str) -> Body:
    at = timestamp(event.at)
    return {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": namespace},
        "involvedObject": event.involved, "type": event.kind, "reason": event.reason, "message": event.message,
        "source": {"component": event.component, "host": node_name}, "firstTimestamp": at, "lastTimestamp": at,
        "count": 1, "eventTime": None, "reportingComponent": event.component, "reportingInstance": node_name,
    }  # fmt: skip
