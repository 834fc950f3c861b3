"""The reflector's contract, against a scripted Api."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

import tejer.kube.informer
from tejer.kube.api import Api, ApiError, ListResult, WatchEvent
from tejer.kube.informer import Informer
from tejer.kube.resource import Body, Change
from tejer.kube.types import PODS

Events = list[WatchEvent | Exception]


def pod(name: str, version: int) -> Body:
    meta = {"name": name, "namespace": "ns", "resourceVersion": str(version), "uid": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta}


class Script:
    """Plays back one answer per call: lists (or errors), and watches as lists of events (or errors)."""

    def __init__(self, lists: list[ListResult | Exception], watches: list[list[WatchEvent | Exception]]) -> None:
        self.lists, self.watches = lists, watches
        self.asked: list[str] = []
        self.done = asyncio.Event()

    async def list(self, *_: Any, **__: Any) -> ListResult:
        self.asked.append("list")
        answer = self.lists.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def watch(self, *_: Any, resource_version: str, **__: Any) -> AsyncIterator[WatchEvent]:
        self.asked.append(f"watch {resource_version}")
        if not self.watches:
            self.done.set()
            await asyncio.Event().wait()
        for event in self.watches.pop(0):
            if isinstance(event, Exception):
                raise event
            yield event


def play(
    lists: list[ListResult | Exception],
    watches: list[list[WatchEvent | Exception]],
    check: Callable[[Informer], None] = lambda _: None,
    make: type[Script] = Script,
) -> tuple[list[list[Change]], list[str]]:
    calls: list[list[Change]] = []

    async def run() -> list[str]:
        script = make(lists, watches)
        informer = Informer(cast(Api, script), PODS)
        task = asyncio.get_running_loop().create_task(informer.run(calls.append))
        await asyncio.wait_for(script.done.wait(), 5)
        task.cancel()
        check(informer)
        return script.asked

    return calls, asyncio.run(run())


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_DELAY", "NOT_SERVED_DELAY", "QUIET_END"):
        monkeypatch.setattr(tejer.kube.informer, name, 0.0)


def _kinds(changes: list[Change]) -> list[str]:
    return [f"{'+' if c.old is None else '-' if c.new is None else '~'}{c.key.name}" for c in changes]


def test_lists_then_watches_from_the_lists_version() -> None:
    calls, asked = play(
        [ListResult([pod("a", 1), pod("b", 2)], "5")],
        [[WatchEvent("ADDED", pod("c", 6)), WatchEvent("MODIFIED", pod("a", 7)), WatchEvent("DELETED", pod("b", 8))]],
        lambda informer: _expect_names(informer, ["a", "c"]),
    )
    assert [_kinds(call) for call in calls] == [["+a", "+b"], ["+c"], ["~a"], ["-b"]]
    assert asked == ["list", "watch 5", "watch 8"]


def _expect_names(informer: Informer, names: list[str]) -> None:
    assert sorted(key.name for key in informer.store) == names and informer.synced.is_set()


def test_the_first_call_comes_even_for_an_empty_list() -> None:
    calls, _ = play([ListResult([], "5")], [])
    assert calls == [[]]


def test_bookmarks_move_the_version_and_tell_nobody() -> None:
    bookmark = WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": "90"}})
    calls, asked = play([ListResult([], "5")], [[bookmark]])
    assert calls == [[]] and asked == ["list", "watch 5", "watch 90"]


def test_gone_lists_again_and_reports_only_the_differences() -> None:
    calls, asked = play(
        [ListResult([pod("a", 1), pod("b", 2)], "5"), ListResult([pod("a", 1), pod("c", 9)], "10")],
        [[ApiError(410, "Expired", "too old resource version")]],
    )
    assert [_kinds(call) for call in calls] == [["+a", "+b"], ["-b", "+c"]]
    assert asked == ["list", "watch 5", "list", "watch 10"]


def test_a_lost_connection_watches_again_where_it_stopped() -> None:
    calls, asked = play(
        [ListResult([pod("a", 1)], "5")], [[WatchEvent("MODIFIED", pod("a", 6)), ConnectionResetError("gone")]]
    )
    assert [_kinds(call) for call in calls] == [["+a"], ["~a"]] and asked == ["list", "watch 5", "watch 6"]


def test_a_kind_that_is_not_served_is_an_empty_list_until_it_is() -> None:
    calls, asked = play(
        [ApiError(404, "NotFound", "the server could not find the requested resource"), ListResult([pod("a", 1)], "5")],
        [],
    )
    assert [_kinds(call) for call in calls] == [[], ["+a"]] and asked == ["list", "list", "watch 5"]


def test_refusals_are_retried_with_a_whole_list() -> None:
    refused = ApiError(403, "Forbidden", "no")
    calls, asked = play([refused, ListResult([], "5"), ListResult([], "6")], [[refused]])
    assert asked == ["list", "list", "watch 5", "list", "watch 6"] and calls == [[]]


def test_events_already_seen_are_not_repeated() -> None:
    calls, _ = play([ListResult([pod("a", 5)], "5")], [[WatchEvent("ADDED", pod("a", 5))]])
    assert [_kinds(call) for call in calls] == [["+a"]]


class Streaming(Script):
    """Also streams lists: each entry is the events of one stream."""

    def __init__(self, lists: list[ListResult | Exception], watches: list[list[WatchEvent | Exception]]) -> None:
        super().__init__([answer for answer in lists if isinstance(answer, ListResult)], watches)
        self.refusals = [answer for answer in lists if isinstance(answer, Exception)]

    async def watch_list(self, *_: Any, **__: Any) -> AsyncIterator[WatchEvent]:
        self.asked.append("stream")
        if self.refusals:
            raise self.refusals.pop(0)
        for event in self.watches.pop(0):
            if isinstance(event, Exception):
                raise event
            yield event


def initial_end(version: int) -> WatchEvent:
    meta = {"resourceVersion": str(version), "annotations": {"k8s.io/initial-events-end": "true"}}
    return WatchEvent("BOOKMARK", {"metadata": meta})


def test_a_list_that_comes_as_a_stream() -> None:
    stream: Events = [
        WatchEvent("ADDED", pod("a", 1)), WatchEvent("ADDED", pod("b", 2)), initial_end(5),
        WatchEvent("MODIFIED", pod("a", 6)),
    ]  # fmt: skip
    calls, asked = play([], [stream], make=Streaming)
    assert [_kinds(call) for call in calls] == [["+a", "+b"], ["~a"]] and asked == ["stream", "watch 6"]


def test_gone_streams_the_list_again() -> None:
    first: Events = [WatchEvent("ADDED", pod("a", 1)), initial_end(5), ApiError(410, "Expired", "too old")]
    second: Events = [WatchEvent("ADDED", pod("b", 8)), initial_end(9)]
    calls, asked = play([], [first, second], make=Streaming)
    assert [_kinds(call) for call in calls] == [["+a"], ["-a", "+b"]] and asked == ["stream", "stream", "watch 9"]


def test_a_server_that_cannot_stream_is_asked_for_plain_lists_from_then_on() -> None:
    refused = ApiError(422, "Invalid", "sendInitialEvents is forbidden for watch unless the WatchList feature is on")
    gone = ApiError(410, "Expired", "too old")
    lists: list[ListResult | Exception] = [refused, ListResult([pod("a", 1)], "5"), ListResult([], "7")]
    _, asked = play(lists, [[gone]], make=Streaming)
    assert asked == ["stream", "list", "watch 5", "list", "watch 7"]


def test_a_stream_that_ends_before_the_list_is_whole_counts_as_one_that_cannot() -> None:
    calls, asked = play([ListResult([pod("a", 1)], "5")], [[WatchEvent("ADDED", pod("a", 1))]], make=Streaming)
    assert [_kinds(call) for call in calls] == [["+a"]] and asked == ["stream", "list", "watch 5"]
