"""The program as a user runs it by hand: our own engine on the loopback, scraping itself."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CONFIG = """global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: {job}
  static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""
PATIENCE_SECONDS = 60


class Server:
    """One server in `folder`; it may be started again there."""

    def __init__(self, folder: Path, engine: str = "embedded") -> None:
        self.folder, self.engine = folder, engine
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.process: subprocess.Popen[bytes] | None = None
        self.configure("first")

    def configure(self, job: str) -> None:
        (self.folder / "prometheus.yml").write_text(CONFIG.format(job=job, port=self.port))

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        arguments = [
            f"--engine={self.engine}", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{self.port}", *more,
        ]  # fmt: skip
        root = str(Path(__file__).parents[4])
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tejer.observe.metrics.main", *arguments],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "HOME": str(self.folder), "KUBECONFIG": "", "PYTHONPATH": root},
            )  # fmt: skip
        return self.process

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def get(self, path: str, **parameters: str) -> Any:
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.loads(answer.read())["data"]

    def up(self) -> dict[str, str]:
        """Jobs that are up by name."""
        try:
            rows = self.get("/api/v1/query", query="up")["result"]
        except OSError:
            return {}
        return {row["metric"]["job"]: row["value"][1] for row in rows}

    def until(self, good: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not good():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def stop(self) -> int:
        """As `kubectl delete` would. The exit code."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(30)
            raise


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    if server.process is not None and server.process.poll() is None:
        server.stop()


@pytest.mark.parametrize("engine", ["embedded", "binary"])
def test_hangup_follows_a_good_configuration_and_keeps_it_before_a_bad_one(server: Server, engine: str) -> None:
    if engine == "binary" and not shutil.which("prometheus"):
        pytest.skip("no prometheus on PATH: make test-deps installs it")
    server.engine = engine
    process = server.start()
    server.until(lambda: server.up() == {"first": "1"})
    server.configure("second")
    process.send_signal(signal.SIGHUP)
    server.until(lambda: server.up().get("second") == "1")
    (server.folder / "prometheus.yml").write_text("scrape_configs: [{job_name: third, intervall: 1s}]")
    process.send_signal(signal.SIGHUP)
    server.until(lambda: not server.get("/api/v1/status/runtimeinfo")["reloadConfigSuccess"])
    assert "intervall" in server.log()
    assert server.up()["second"] == "1"
    assert server.stop() == 0


def test_a_prometheus_elsewhere_answers_through_our_door(server: Server, tmp_path: Path) -> None:
    server.start()
    folder = tmp_path / "door"
    folder.mkdir()
    door = Server(folder, "url")
    door.start(f"--engine.url=http://127.0.0.1:{server.port}/")
    try:
        door.until(lambda: door.up() == {"first": "1"})
    finally:
        assert door.stop() == 0
    assert server.up() == {"first": "1"}, "what is elsewhere goes on"


def test_samples_outlive_kill_9(server: Server) -> None:
    process = server.start()
    server.until(lambda: server.up() == {"first": "1"})
    before = server.get("/api/v1/query", query="up[1h]")["result"][0]["values"]
    process.kill()
    process.wait(30)
    server.start()
    server.until(lambda: server.up() == {"first": "1"})
    after = server.get("/api/v1/query", query="up[1h]")["result"][0]["values"]
    assert after[: len(before)] == before


def test_a_configuration_that_is_wrong_at_the_start_is_the_end(server: Server) -> None:
    (server.folder / "prometheus.yml").write_text("scrape_configs: 1")
    assert server.start().wait(60) == 1
    assert "prometheus.yml:1: scrape_configs: Expected `array`, got `int`" in server.log()


def test_an_address_for_others_needs_a_cluster_to_ask(server: Server) -> None:
    assert server.start("--web.listen-address=0.0.0.0:0").wait(60) == 1
    assert "needs an API server to ask who may use it" in server.log()


def test_a_page_elsewhere_cannot_ask(server: Server) -> None:
    server.start()
    server.until(lambda: server.up() == {"first": "1"})
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api/v1/status/config", headers={"Host": "evil.example"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)
    with refused.value as answer:
        assert answer.code == 403
