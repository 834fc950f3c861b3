import os
import sys
from pathlib import Path

import pytest

from tejer.cluster import daemon
from tejer.cluster.config import ClusterConfig


def start(home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """`main` as the module would be run; its exit code, and what it told its starter."""
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "argv", ["daemon", str(home), str(writing)])
    monkeypatch.setattr(daemon, "_log_to", lambda path: None)
    try:
        code = daemon.main()
        os.set_blocking(reading, False)
        try:
            return code, os.read(reading, 1000).decode()
        except BlockingIOError:
            return code, ""
    finally:
        os.close(reading)


@pytest.fixture
def config(tmp_path: Path) -> ClusterConfig:
    config = ClusterConfig(home=tmp_path)
    config.save()
    return config


def test_a_missing_config_and_a_second_daemon_are_told(
    tmp_path: Path, config: ClusterConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert start(tmp_path / "other", monkeypatch) == (1, f"error {tmp_path}/other/config.json is missing\n")
    lock = daemon._take_lock(config)
    assert lock is not None
    assert start(tmp_path, monkeypatch) == (1, "error another daemon runs this cluster already\n")
    os.close(lock)


def test_a_fault_at_the_start_is_told_in_one_line(
    tmp_path: Path, config: ClusterConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(config: ClusterConfig, starter: daemon.Starter) -> None:
        raise ExceptionGroup("outer", [RuntimeError("the disk\nis full")])

    monkeypatch.setattr(daemon, "_until_stopped", broken)
    assert start(tmp_path, monkeypatch) == (1, "error the disk is full\n")
    assert not config.pid_path.exists()


def test_a_fault_later_starts_it_anew(tmp_path: Path, config: ClusterConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks_later(config: ClusterConfig, starter: daemon.Starter) -> None:
        assert starter.tell("ready 1")
        assert not starter.tell("twice")
        raise RuntimeError("a bug")

    started: list[list[str]] = []

    def instead_of_exec(program: str, arguments: list[str]) -> None:
        started.append(arguments)
        raise SystemExit(0)

    monkeypatch.setattr(daemon, "_until_stopped", breaks_later)
    monkeypatch.setattr(daemon, "_BREATH", 0.0)
    monkeypatch.setattr(os, "execv", instead_of_exec)
    with pytest.raises(SystemExit):
        start(tmp_path, monkeypatch)
    assert started == [[sys.executable, "-m", "tejer.cluster.daemon", str(tmp_path), "-1"]]
