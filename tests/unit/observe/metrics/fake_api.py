"""A cluster whose objects a test puts and removes; only what informers need of an Api."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

from tejer.kube.api import Api, ApiError, ListResult, WatchEvent
from tejer.kube.resource import Body, Key
from tejer.kube.types import ResourceType


class FakeCluster:
    """`lists` counts how often a kind was listed; `down` refuses everything."""

    def __init__(self) -> None:
        self.objects: dict[Key, Body] = {}
        self.lists: dict[str, int] = {}
        self.watchers: list[tuple[ResourceType, asyncio.Queue[WatchEvent]]] = []
        self.down = False
        self._version = 1

    @property
    def api(self) -> Api:
        return cast(Api, self)

    def put(self, rtype: ResourceType, body: Body) -> None:
        self._version += 1
        body = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._version), "uid": "u"}}
        key = rtype.key_of(body)
        kind = "MODIFIED" if key in self.objects else "ADDED"
        self.objects[key] = body
        self._tell(rtype, WatchEvent(kind, body))

    def remove(self, rtype: ResourceType, namespace: str, name: str) -> None:
        self._tell(rtype, WatchEvent("DELETED", self.objects.pop(rtype.key(namespace, name))))

    def _tell(self, rtype: ResourceType, event: WatchEvent) -> None:
        for watched, queue in self.watchers:
            if watched == rtype:
                queue.put_nowait(event)

    async def list(self, rtype: ResourceType, namespace: str = "", **_: Any) -> ListResult:
        if self.down:
            raise ApiError(503, "ServiceUnavailable", "down")
        self.lists[rtype.plural] = self.lists.get(rtype.plural, 0) + 1
        found = [body for key, body in self.objects.items() if key.resource == rtype.plural]
        return ListResult(
            [body for body in found if namespace in ("", body["metadata"].get("namespace"))], str(self._version)
        )

    async def watch(self, rtype: ResourceType, namespace: str = "", **_: Any) -> AsyncIterator[WatchEvent]:
        queue: asyncio.Queue[WatchEvent] = asyncio.Queue()
        entry = (rtype, queue)
        self.watchers.append(entry)
        try:
            while True:
                yield await queue.get()
        finally:
            self.watchers.remove(entry)
