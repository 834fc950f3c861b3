"""The config reloader, against a real HTTP server on a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tejer.observe.metrics.reload import INTERVAL, LONGEST, Reloader, fingerprint


class Server(ThreadingHTTPServer):
    """Answers POSTs with `status`; `asked` are path and credentials of each."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[tuple[str, str]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/-/reload"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Server)
        self.server.asked.append((self.path, self.headers.get("Authorization", "")))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"because")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def mounted(directory: Path, version: str, text: str) -> None:
    """A ConfigMap as the kubelet mounts it: files link into `..data`, which links to the current version."""
    (directory / version).mkdir(parents=True)
    (directory / version / "prometheus.yml").write_text(text)
    link = directory / "..data.new"
    link.symlink_to(version)
    link.replace(directory / "..data")
    if not (directory / "prometheus.yml").is_symlink():
        (directory / "prometheus.yml").symlink_to("..data/prometheus.yml")


def test_a_changed_config_map_is_reloaded_once(tmp_path: Path, server: Server) -> None:
    mounted(tmp_path, "..1", "a: 1\n")
    token = tmp_path / "..token"
    token.write_text("secret\n")
    reloader = Reloader([tmp_path], server.url, token)
    assert reloader.step() == INTERVAL and server.asked == []
    mounted(tmp_path, "..2", "a: 2\n")
    assert [reloader.step(), reloader.step()] == [INTERVAL, INTERVAL]
    assert server.asked == [("/-/reload", "Bearer secret")]
    mounted(tmp_path, "..3", "a: 2\n")
    assert reloader.step() == INTERVAL and len(server.asked) == 1, "the same content is no change"


def test_a_refusal_is_told_and_asked_again_ever_less_often(
    tmp_path: Path, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    mounted(tmp_path, "..1", "a: 1\n")
    reloader = Reloader([tmp_path], server.url, tmp_path / "none")
    mounted(tmp_path, "..2", "a: [\n")
    server.status = 500
    delays = [reloader.step() for _ in range(8)]
    assert delays[:3] == [INTERVAL, 2 * INTERVAL, 4 * INTERVAL] and delays[-1] == LONGEST
    assert "500 because" in caplog.text
    server.status = 200
    assert reloader.step() == INTERVAL
    asked = len(server.asked)
    assert reloader.step() == INTERVAL and len(server.asked) == asked
    assert server.asked[0] == ("/-/reload", "")


def test_a_server_that_is_not_there_is_no_end(tmp_path: Path) -> None:
    mounted(tmp_path, "..1", "a: 1\n")
    reloader = Reloader([tmp_path], "http://127.0.0.1:9/-/reload", tmp_path / "none")
    mounted(tmp_path, "..2", "a: 2\n")
    assert reloader.step() == INTERVAL
    assert reloader.step() == 2 * INTERVAL


def test_a_directory_that_is_not_there_is_an_empty_one(tmp_path: Path) -> None:
    assert fingerprint([tmp_path / "none"]) == fingerprint([])
