"""Start, drain, end: with a script in Envoy's place and a stand-in for its admin port."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from tejer.envoy.admin import Admin
from tejer.envoy.agent.settings import Settings
from tejer.envoy.agent.supervise import Supervisor, envoy_command, exit_status


class FakeAdmin(Admin):
    """Notes what it is asked; `connections` are the answers to the questions for active ones."""

    def __init__(self, *connections: int) -> None:
        super().__init__(0)
        self.asked: list[str] = []
        self.connections = list(connections)

    def post(self, path: str, timeout: float = 5.0) -> bytes:
        self.asked.append(path)
        return b""

    def active_connections(self) -> int:
        self.asked.append("connections")
        return self.connections.pop(0)


def supervisor(tmp_path: Path, script: str, settings: Settings, *connections: int) -> tuple[Supervisor, FakeAdmin]:
    binary = tmp_path / "envoy"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    settings = settings._replace(proxy_dir=str(tmp_path), discovery_address="istiod.istio-system.svc:15012")
    made = Supervisor(settings, threading.Event())
    admin = FakeAdmin(*connections)
    made.admin = admin
    made.start(binary)
    return made, admin


def test_envoys_own_end_is_the_agents(tmp_path: Path) -> None:
    made, admin = supervisor(tmp_path, "exit 7", Settings())
    assert made.wait() == 7
    assert admin.asked == []


def test_the_configuration_is_written_before_the_start(tmp_path: Path) -> None:
    made, _ = supervisor(tmp_path, "exit 0", Settings(pod="web", namespace="shop", ip="10.0.0.1"))
    made.wait()
    bootstrap = json.loads((tmp_path / "envoy-rev.json").read_text())
    assert bootstrap["node"]["id"] == "sidecar~10.0.0.1~web.shop~shop.svc.cluster.local"
    secret = json.loads((tmp_path / "sds-default.json").read_text())["resources"][0]
    assert secret["tls_certificate"]["watched_directory"]["path"] == str(tmp_path / "certs")


@pytest.mark.parametrize(("node_type", "path"), [("sidecar", "/drain_listeners?inboundonly&graceful"),
                                                 ("router", "/drain_listeners?graceful")])  # fmt: skip
def test_told_to_stop_it_drains_then_ends_envoy(tmp_path: Path, node_type: str, path: str) -> None:
    settings = Settings(node_type=node_type, drain_seconds=0.3)
    made, admin = supervisor(tmp_path, "exec sleep 60", settings)
    start = time.monotonic()
    made.stop.set()
    assert made.wait() == 0
    assert time.monotonic() - start >= 0.3
    assert admin.asked == [path]


def test_it_can_wait_for_the_last_connection(tmp_path: Path) -> None:
    settings = Settings(exit_on_zero_connections=True, minimum_drain_seconds=0.1)
    made, admin = supervisor(tmp_path, "exec sleep 60", settings, 2, 0)
    made.stop.set()
    assert made.wait() == 0
    assert admin.asked[1:] == ["connections", "connections"]


def test_quit_ends_at_once(tmp_path: Path) -> None:
    made, admin = supervisor(tmp_path, "exec sleep 60", Settings(drain_seconds=60))
    made.quit()
    assert made.wait() == 0
    assert admin.asked == []


def test_a_drain_asked_for_before_needs_no_second_one(tmp_path: Path) -> None:
    made, admin = supervisor(tmp_path, "exec sleep 60", Settings(drain_seconds=60))
    made.drain()
    made.stop.set()
    assert made.wait() == 0
    assert len(admin.asked) == 1


def test_an_envoy_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tejer.envoy.agent.supervise._KILL_AFTER_SECONDS", 0.2)
    made, _ = supervisor(tmp_path, "trap '' TERM; while :; do sleep 0.05; done", Settings(drain_seconds=0.2))
    made.stop.set()
    assert made.wait() == 0


def test_the_command_line_is_istios() -> None:
    settings = Settings(log_level="debug", component_log_level="http:trace", drain_time_seconds=20, concurrency=1)
    command = envoy_command(Path("/envoy"), Path("/b.json"), settings, 8)
    for pair in ("-c /b.json", "--drain-time-s 20", "-l debug", "--concurrency 1", "--component-log-level http:trace"):
        assert pair in " ".join(command)
    assert "--disable-hot-restart" in command


def test_death_by_signal_is_told_as_shells_do() -> None:
    assert (exit_status(-9), exit_status(3), exit_status(0)) == (137, 3, 0)
