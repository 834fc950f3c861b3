import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tejer.cluster.config import ClusterConfig
from tejer.cluster.ports import owner_of_port
from tejer.cluster.processes import (
    Process,
    end_processes,
    memory_of,
    note_process,
    processes_of,
    read_process,
    start_time,
    with_descendants,
)

SLEEP = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(SLEEP, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_noted_process_is_known_until_it_ends(tmp_path: Path, child: subprocess.Popen[str]) -> None:
    note = tmp_path / "pid"
    note_process(note, child.pid)
    noted = read_process(note)
    assert noted is not None
    assert noted.pid == child.pid
    assert end_processes([noted], signal.SIGTERM, 5.0) == []
    assert read_process(note) is None


def test_the_same_pid_with_another_start_is_another_process(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    note.write_text(f"{os.getpid()} 1\n")
    assert read_process(note) is None
    note.write_text("nonsense")
    assert read_process(note) is None
    assert end_processes([Process(os.getpid(), 1)], signal.SIGKILL, 0.1) == []


def test_one_that_will_not_end_is_named() -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        named = Process(process.pid, start_time(process.pid) or 0)
        assert end_processes([named], signal.SIGTERM, 0.1) == [named]
        assert end_processes([named], signal.SIGKILL, 5.0) == []


def test_descendants_and_their_memory(child: subprocess.Popen[str]) -> None:
    own = Process(os.getpid(), 0)
    both = with_descendants([own, Process(child.pid, 0)])
    assert both.count(child.pid) == both.count(os.getpid()) == 1
    assert memory_of(child.pid) > 1_000_000
    assert memory_of(-1) == 0


def test_a_clusters_processes_are_found_by_their_arguments(tmp_path: Path) -> None:
    config = ClusterConfig(home=tmp_path)
    arguments = ["tejer/cluster/runtime/shim/__main__.py", str(config.pods_dir / "some-uid")]
    with subprocess.Popen([*SLEEP, *arguments], stdout=subprocess.PIPE, text=True) as shim:
        assert shim.stdout is not None
        shim.stdout.readline()
        assert [process.pid for process in processes_of(config)] == [shim.pid]
        assert processes_of(ClusterConfig(home=tmp_path / "other")) == []
        shim.kill()


def test_who_has_a_port() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert owner_of_port(port) == ""
        taken.listen()
        assert f"(pid {os.getpid()})" in owner_of_port(port)
