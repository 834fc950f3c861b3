"""One suite for both stores: what `tejer.cluster.store.log.Store` promises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tejer.cluster.store.log import ANY_REVISION, Compacted, Event, RevisionConflict, Store, WatchClosed
from tejer.cluster.store.memory import MemoryStore
from tejer.cluster.store.sqlite import SqliteStore
from tejer.kube.resource import Body, Key

Run = Callable[[Callable[[Store], Awaitable[None]]], None]


@pytest.fixture(params=["memory", "sqlite"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs a test's coroutine with a fresh store whose window holds 10 events."""

    def runner(test: Callable[[Store], Awaitable[None]]) -> None:
        async def main() -> None:
            store: Store = (
                MemoryStore(window=10) if request.param == "memory" else SqliteStore(tmp_path / "store.db", window=10)
            )
            await store.start()
            try:
                async with asyncio.timeout(20):
                    await test(store)
            finally:
                await store.close()

        asyncio.run(main())

    return runner


def pod(name: str, namespace: str = "default") -> Key:
    return Key("", "pods", namespace, name)


def body(name: str, **more: object) -> Body:
    return {"metadata": {"name": name}, **more}


async def fill(store: Store, count: int) -> list[Event]:
    return [await store.write(pod(f"p{n}"), body(f"p{n}"), expect=0) for n in range(count)]


def test_a_write_gets_the_next_revision_as_its_resource_version(run: Run) -> None:
    async def test(store: Store) -> None:
        first = await store.write(pod("a"), body("a"), expect=0)
        second = await store.write(pod("a"), body("a", spec=1), expect=first.revision)
        assert second.revision == first.revision + 1 == store.revision
        item = store.get(pod("a"))
        assert item is not None and item.body["metadata"]["resourceVersion"] == str(second.revision)
        assert second.old == first.new and second.new == item.body

    run(test)


def test_writers_that_expect_another_revision_are_refused(run: Run) -> None:
    async def test(store: Store) -> None:
        with pytest.raises(RevisionConflict):
            await store.write(pod("a"), body("a"), expect=7)
        made = await store.write(pod("a"), body("a"), expect=0)
        with pytest.raises(RevisionConflict) as refused:
            await store.write(pod("a"), body("a"), expect=0)
        assert refused.value.current == made.revision
        with pytest.raises(RevisionConflict):
            await store.write(pod("b"), None, expect=ANY_REVISION)
        assert store.revision == made.revision

    run(test)


def test_of_concurrent_writers_exactly_one_wins(run: Run) -> None:
    async def test(store: Store) -> None:
        made = await store.write(pod("a"), body("a"), expect=0)
        writes = [store.write(pod("a"), body("a", n=n), expect=made.revision) for n in range(20)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert sum(isinstance(result, Event) for result in results) == 1
        assert sum(isinstance(result, RevisionConflict) for result in results) == 19

    run(test)


def test_a_deleted_object_is_gone_and_can_be_made_again(run: Run) -> None:
    async def test(store: Store) -> None:
        made = await store.write(pod("a"), body("a"), expect=0)
        gone = await store.write(pod("a"), None, expect=made.revision)
        assert gone.new is None and gone.old == made.new
        assert store.get(pod("a")) is None
        again = await store.write(pod("a"), body("a"), expect=0)
        assert again.revision == gone.revision + 1

    run(test)


def test_the_store_keeps_its_own_copy(run: Run) -> None:
    async def test(store: Store) -> None:
        mine = body("a", spec={"x": 1})
        await store.write(pod("a"), mine, expect=0)
        mine["spec"]["x"] = 2
        item = store.get(pod("a"))
        assert item is not None and item.body["spec"]["x"] == 1

    run(test)


def test_lists_are_ordered_and_select_a_namespace(run: Run) -> None:
    async def test(store: Store) -> None:
        for name, namespace in (("b", "two"), ("a", "two"), ("z", "one")):
            await store.write(pod(name, namespace), body(name), expect=0)
        await store.write(Key("apps", "pods", "one", "other"), body("other"), expect=0)
        assert [item.key[2:] for item in store.list("", "pods")] == [("one", "z"), ("two", "a"), ("two", "b")]
        assert [item.key.name for item in store.list("", "pods", "two")] == ["a", "b"]
        assert store.list("", "nothing") == []

    run(test)


def test_a_list_at_an_older_revision_shows_the_past(run: Run) -> None:
    async def test(store: Store) -> None:
        events = await fill(store, 3)
        then = events[-1].revision
        await store.write(pod("p0"), None, expect=ANY_REVISION)
        await store.write(pod("p1"), body("p1", changed=True), expect=ANY_REVISION)
        await store.write(pod("p9"), body("p9"), expect=0)
        past = store.list("", "pods", at=then)
        assert [item.body for item in past] == [event.new for event in events]
        assert [item.revision for item in past] == [event.revision for event in events]
        assert [item.key.name for item in store.list("", "pods")] == ["p1", "p2", "p9"]

    run(test)


def test_a_revision_out_of_the_window_is_compacted(run: Run) -> None:
    async def test(store: Store) -> None:
        await fill(store, 30)
        with pytest.raises(Compacted):
            store.list("", "pods", at=5)
        with pytest.raises(Compacted):
            store.watch("", "pods", since=5)
        assert store.list("", "pods", at=store.floor)
        store.watch("", "pods", since=store.floor).close()

    run(test)


def test_a_watch_sees_later_events_once_and_in_order(run: Run) -> None:
    async def test(store: Store) -> None:
        events = await fill(store, 4)
        watch = store.watch("", "pods", since=events[1].revision)
        await store.write(Key("", "secrets", "default", "x"), body("x"), expect=0)
        late = await store.write(pod("late"), body("late"), expect=0)
        seen: list[Event] = []
        while len(seen) < 3:
            seen += await watch.next(seconds=5)
        assert seen == [*events[2:], late]
        assert await watch.next(seconds=0.01) == []
        watch.close()
        with pytest.raises(WatchClosed):
            await watch.next()

    run(test)


def test_a_watch_of_a_namespace_sees_no_other(run: Run) -> None:
    async def test(store: Store) -> None:
        watch = store.watch("", "pods", "mine", since=store.revision)
        await store.write(pod("a", "other"), body("a"), expect=0)
        mine = await store.write(pod("a", "mine"), body("a"), expect=0)
        assert await watch.next(seconds=5) == [mine]
        watch.close()

    run(test)


def test_a_watcher_waiting_is_woken_by_close(run: Run) -> None:
    async def test(store: Store) -> None:
        watch = store.watch("", "pods", since=store.revision)
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(_until_closed(watch.next))
            await asyncio.sleep(0)
            watch.close()
        assert waiting.result()

    run(test)


async def _until_closed(step: Callable[[], Awaitable[list[Event]]]) -> bool:
    try:
        await step()
    except WatchClosed:
        return True
    return False
