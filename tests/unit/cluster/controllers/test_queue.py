import asyncio

from tejer.cluster.controllers.queue import WorkQueue
from tejer.kube.resource import Key

A, B = Key("", "pods", "d", "a"), Key("", "pods", "d", "b")


def test_a_key_waits_once_and_in_order() -> None:
    async def scenario() -> None:
        queue = WorkQueue()
        for key in (A, B, A):
            queue.add(key)
        assert [await queue.take(), await queue.take()] == [A, B]

    asyncio.run(scenario())


def test_a_key_in_work_comes_again_only_after_it() -> None:
    async def scenario() -> None:
        queue = WorkQueue()
        queue.add(A)
        assert await queue.take() == A
        queue.add(A)
        queue.add(B)
        assert await queue.take() == B
        queue.done(A)
        assert await queue.take() == A

    asyncio.run(scenario())


def test_failures_delay_and_success_forgets_them() -> None:
    async def scenario() -> None:
        queue, loop = WorkQueue(), asyncio.get_running_loop()
        queue.add(A)
        for least in (0.05, 0.1):
            await queue.take()
            began = loop.time()
            queue.failed(A)
            async with asyncio.timeout(2):
                queue.add(B) if least == 0.1 else None
                if least == 0.1:
                    assert await queue.take() == B
                    queue.done(B)
                assert await queue.take() == A
            assert loop.time() - began >= least * 0.9
            queue.add(A)
            queue.done(A) if least == 0.1 else queue.failed(A)

    asyncio.run(scenario())


def test_the_earlier_time_counts() -> None:
    async def scenario() -> None:
        queue = WorkQueue()
        queue.add(A)
        await queue.take()
        queue.done(A, again=60)
        queue.add(A)
        await queue.take()
        queue.done(A, again=0.01)
        async with asyncio.timeout(2):
            assert await queue.take() == A

    asyncio.run(scenario())
