"""A child's end is told, asked for and waited for; a program that can't be run is an error at once."""

from __future__ import annotations

import signal
import threading

import pytest

from tejer.envoy.agent.child import Child


def test_exit_code() -> None:
    ended = threading.Event()
    child = Child(["/bin/sh", "-c", "exit 7"], ended.set)
    assert child.wait(10)
    assert ended.wait(10)
    assert (child.returncode, child.running()) == (7, False)


def test_death_by_signal() -> None:
    child = Child(["/bin/sh", "-c", "sleep 60"], lambda: None)
    assert child.running()
    assert not child.wait(0.05)
    child.send_signal(signal.SIGKILL)
    assert child.wait(10)
    assert child.returncode == -signal.SIGKILL
    child.send_signal(signal.SIGTERM)


def test_ignored_signals_are_restored() -> None:
    child = Child(["/bin/sh", "-c", "kill -PIPE $$"], lambda: None)
    assert child.wait(10)
    assert child.returncode == -signal.SIGPIPE


def test_a_missing_program() -> None:
    with pytest.raises(FileNotFoundError):
        Child(["/nowhere/envoy"], lambda: None)
