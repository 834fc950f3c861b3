"""Watches: from the store's events to ADDED, MODIFIED, DELETED and BOOKMARK as one watcher's selection sees them."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.core import Core, Request
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.reads import parse_revision
from tejer.cluster.apiserver.selection import EVERYTHING, Selection
from tejer.cluster.store.log import Compacted, Event, Subscription, WatchClosed
from tejer.kube.api import ApiError, WatchEvent
from tejer.kube.resource import Body

BOOKMARK_SECONDS = 60.0
HEARTBEAT_SECONDS = 5.0
"""How often an idle watch yields an empty batch, so that its server notices a client that has gone."""

INITIAL_END = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """`initial`: sendInitialEvents (None = not said). `seconds` 0 lets the server choose 30 to 60 minutes."""

    selection: Selection = EVERYTHING
    resource_version: str = ""
    bookmarks: bool = False
    initial: bool | None = None
    match: str = ""
    seconds: float = 0


class Watch:
    """One watch. Making it subscribes, so nothing between a list and the first `batches` step is missed."""

    def __init__(self, core: Core, request: Request, options: WatchOptions) -> None:
        """Raises ApiError 410 or 504 for a revision that is gone or still to come, 422 for options that clash."""
        _check(options)
        self._defn, self._options, self._core = request.defn, options, core
        since = parse_revision(options.resource_version)
        if since > core.store.revision:
            raise errors.revision_too_large(since, core.store.revision)
        listed = options.initial if options.initial is not None else since == 0
        self._initial = self._snapshot(request) if listed else []
        self._sync = options.initial is True
        self._revision = core.store.revision if listed or since == 0 else since
        try:
            self._feed: Subscription = core.store.watch(
                request.defn.group, request.defn.rtype.plural, request.namespace, since=self._revision
            )
        except Compacted as gone:
            raise errors.expired(f"too old resource version: {gone.revision} ({gone.floor})") from gone

    def _snapshot(self, request: Request) -> list[WatchEvent]:
        items = self._core.store.list(request.defn.group, request.defn.rtype.plural, request.namespace)
        return [
            WatchEvent("ADDED", request.defn.convert(item.body))
            for item in items
            if self._options.selection.matches(item.body)
        ]

    async def batches(self) -> AsyncIterator[list[WatchEvent]]:
        """Events as they come, in batches of what was ready (or none); ends after the options' seconds or at shutdown.

        Raises ApiError 410 when this watcher was too slow.
        """
        options = self._options
        ends = time.monotonic() + (options.seconds or random.uniform(1800, 3600))  # noqa: S311
        if self._sync and options.bookmarks:
            self._initial.append(self._bookmark({INITIAL_END: "true"}))
        yield self._initial
        self._initial = []
        bookmark_at = time.monotonic() + BOOKMARK_SECONDS
        try:
            while (left := ends - time.monotonic()) > 0:
                events = await self._feed.next(min(left, HEARTBEAT_SECONDS))
                batch = [seen for event in events if (seen := select(event, self._defn, options.selection))]
                if events:
                    self._revision = events[-1].revision
                if options.bookmarks and time.monotonic() >= bookmark_at:
                    if not events:
                        self._revision = max(self._revision, self._core.store.revision)
                    batch.append(self._bookmark({}))
                    bookmark_at = time.monotonic() + BOOKMARK_SECONDS
                yield batch
        except Compacted as gone:
            raise errors.expired(f"too old resource version: the watcher fell behind ({gone.floor})") from gone
        except WatchClosed:
            return
        finally:
            self.close()

    def close(self) -> None:
        self._feed.close()

    def _bookmark(self, annotations: Body) -> WatchEvent:
        meta: Body = {"resourceVersion": str(self._revision), "creationTimestamp": None}
        if annotations:
            meta["annotations"] = annotations
        return WatchEvent("BOOKMARK", {"kind": self._defn.kind, "apiVersion": self._defn.api_version, "metadata": meta})


def select(event: Event, defn: Definition, selection: Selection) -> WatchEvent | None:
    """What a watcher with this selection sees of one event: leaving the selection looks like a deletion."""
    was = event.old is not None and selection.matches(event.old)
    is_now = event.new is not None and selection.matches(event.new)
    if is_now:
        assert event.new is not None
        return WatchEvent("MODIFIED" if was else "ADDED", defn.convert(event.new))
    if not was:
        return None
    last = event.old if event.new is None else event.new
    assert last is not None
    body = {**last, "metadata": {**last["metadata"], "resourceVersion": str(event.revision)}}
    return WatchEvent("DELETED", defn.convert(body))


def _check(options: WatchOptions) -> None:
    message = ""
    if options.initial is not None and options.match != "NotOlderThan":
        message = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    elif options.initial is None and options.match:
        message = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
    if message:
        prefix = 'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden'
        raise ApiError(422, "Invalid", f"{prefix}: {message}")
