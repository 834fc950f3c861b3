"""What this machine can do decides which tests run: others are skipped with the reason, and fail under CI."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator
from functools import cache
from typing import Any

import pytest

from tests.support import machine
from tests.support.loops import hang_up

NEEDS = {
    "netns": (machine.namespaces,),
    "e2e": (machine.namespaces, machine.kubectl),
    "browser": (machine.chromium,),
}


WAKE_SECONDS = 2.0


def _interrupt(*_: object) -> None:
    """A run that is told to end takes its clusters down first, as one that is interrupted from the keyboard does."""
    raise KeyboardInterrupt


def pytest_sessionstart() -> None:
    """Look again, every two seconds, at whatever is being waited for.

    On some kernels (seen on Linux 6.18) a process with several threads can miss that a child closed its pipe, and
    waits for ever for an end that has come. Any signal makes the wait look again; this one does nothing else.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, WAKE_SECONDS, WAKE_SECONDS)


def pytest_unconfigure() -> None:
    """While Python ends, the signal would end it."""
    signal.setitimer(signal.ITIMER_REAL, 0)


@cache
def obstacles(marker: str) -> tuple[str, ...]:
    return tuple(reason for check in NEEDS[marker] if (reason := check()))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in NEEDS:
        reasons = obstacles(marker) if item.get_closest_marker(marker) else ()
        if not reasons:
            continue
        if os.environ.get("CI") == "true":
            pytest.fail(f"with CI=true this must run, but {'; '.join(reasons)}", pytrace=False)
        pytest.skip("; ".join(reasons))


@pytest.fixture(scope="session", autouse=True)
def _loops_hang_up() -> Iterator[None]:
    """Every `asyncio.run` of the tests drops its connections before its loop ends; see `hang_up`."""
    run = asyncio.run

    async def completely(main: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await main
        finally:
            await hang_up()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "run", lambda main, **options: run(completely(main), **options))
        yield
