"""The trace store on real file systems in a mount namespace: full, then read-only, then well again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.machine import namespaces

pytestmark = [pytest.mark.netns]

PROGRAM = """
import asyncio, subprocess, sys
from pathlib import Path
from tejer.observe.traces.store.reading import Search, find_traces
from tejer.observe.traces.store.retention import Retention
from tejer.observe.traces.store.store import Store
from tejer.observe.traces.store.writer import StoreError
from tests.unit.observe.traces.test_store import make

folder = Path(sys.argv[1])


def mount(*options):
    subprocess.run(["mount", *options, str(folder)], check=True)


async def count(store):
    return len(await store.ask(lambda db: find_traces(db, Search(limit=10**6))))


async def refused(store, first):
    kept = 0
    try:
        for number in range(first, first + 500):
            await store.add([make(number, tags={"payload": "x" * 5000})])
            kept += 1
    except StoreError as error:
        return kept, str(error)
    return kept, ""


async def run():
    async with Store(folder / "t.db", Retention(most_bytes=0)) as store:
        kept, said = await refused(store, 1)
        assert "is full: free disk space" in said, said
        assert kept > 10 and await count(store) == kept
        mount("-o", "remount,size=64m")
        more, said = await refused(store, 10_000)
        assert (more, said) == (500, ""), said
    mount("-o", "remount,ro")
    async with Store(folder / "t.db", Retention(most_bytes=0)) as store:
        none, said = await refused(store, 20_000)
        assert none == 0 and "can't be written" in said, said
        assert await count(store) == kept + 500
        mount("-o", "remount,rw")
        await store.add([make(30_000)])
        assert store.writer.problem == ""


mount("-t", "tmpfs", "-o", "size=2m", "tmpfs")
asyncio.run(run())
print("well")
"""


def test_full_then_read_only_then_well(tmp_path: Path) -> None:
    if reason := namespaces():
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    command = ["unshare", "--mount", sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "well\n", done.stderr
