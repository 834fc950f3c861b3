""":15020 over real sockets, with a stand-in for Envoy's admin port and for the application."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tejer.envoy import http1
from tejer.envoy.admin import Admin, judge_readiness
from tejer.envoy.agent.server import MAX_CONNECTIONS, AgentApp, serve
from tejer.envoy.agent.settings import Settings

READY = (
    b"cluster_manager.cds.update_success: 1\nlistener_manager.lds.update_success: 2\n"
    b"listener_manager.workers_started: 1\nserver.state: 0\n"
)


@contextmanager
def peer(answers: dict[str, bytes], *, chunked: bool = False) -> Iterator[tuple[int, list[str]]]:
    """A server that answers the paths in `answers` (without their queries) and notes all requests."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            seen.append(f"{self.command} {self.path} {self.headers.get('X-Test', '')}".strip())
            body = answers.get(self.path.partition("?")[0])
            self.send_response(200 if body is not None else 404)
            if chunked:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for byte in body or b"":
                    self.wfile.write(b"1\r\n" + bytes([byte]) + b"\r\n")
                self.wfile.write(b"0\r\n\r\n")
                return
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], seen
        server.shutdown()


@contextmanager
def agent(settings: Settings, quit: Callable[[], None] = lambda: None) -> Iterator[int]:
    app = AgentApp(settings, quit, lambda: None)
    server = serve(app, "127.0.0.1", 0)
    try:
        yield server.server_address[1]
    finally:
        server.server_close()


def get(port: int, path: str, method: str = "GET") -> http1.Response:
    return http1.request(method, "127.0.0.1", port, path)


def test_ready_only_when_envoy_has_its_configuration() -> None:
    with peer({"/stats": READY}) as (admin, seen), agent(Settings(admin_port=admin)) as port:
        assert get(port, "/healthz/ready").status == 200
        assert "usedonly&filter=" in seen[0]
    with peer({"/stats": b"server.state: 0\n"}) as (admin, _), agent(Settings(admin_port=admin)) as port:
        answer = get(port, "/healthz/ready")
        assert answer.status == 503
        assert b"config not received from XDS server" in answer.body
    with agent(Settings(admin_port=1)) as port:
        assert get(port, "/healthz/ready").status == 503


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"listener_manager.workers_started": 0}, "workers have not yet started"),
        ({"server.state": 2}, "server is not live, current state is: 2"),
        ({"cluster_manager.cds.update_success": 0}, "config not received"),
    ],
)
def test_reasons(changes: dict[str, int], reason: str) -> None:
    stats = {line.split(": ")[0]: int(line.split(": ")[1]) for line in READY.decode().splitlines()}
    assert judge_readiness(stats).ready
    assert reason in judge_readiness({**stats, **changes}).reason


def test_metrics_of_agent_envoy_and_application() -> None:
    scrape = {"scrape": "true", "path": "/m"}
    with (
        peer({"/stats/prometheus": b"envoy_istio_requests_total 1\n"}) as (admin, _),
        peer({"/m": b"mine 2\n"}) as (
            app,
            _,
        ),
        agent(Settings(admin_port=admin, prometheus={**scrape, "port": str(app)})) as port,
    ):
        body = get(port, "/stats/prometheus").body
        assert b"istio_agent_scrapes_total 1\n" in body
        assert body.endswith(b"istio_requests_total 1\nmine 2\n")
        assert get(port, "/stats/envoy").body == b"istio_requests_total 1\n"


def test_an_application_that_fails_costs_only_its_own_metrics() -> None:
    scrape = {"scrape": "true", "port": "1", "path": "/m"}
    with (
        peer({"/stats/prometheus": b"a 1\n"}) as (admin, _),
        agent(Settings(admin_port=admin, prometheus=scrape)) as port,
    ):
        get(port, "/stats/prometheus")
        body = get(port, "/stats/prometheus").body
        assert b'istio_agent_scrape_failures_total{type="application"} 2\n' in body
        assert b"\na 1\n" in body


def test_probes_are_repeated_with_their_headers() -> None:
    with peer({"/live": b"ok"}) as (app, seen):
        get_probe = {"port": app, "path": "live", "httpHeaders": [{"name": "X-Test", "value": "7"}]}
        probers = {
            "/app-health/c/livez": {"httpGet": get_probe},
            "/app-health/c/readyz": {"httpGet": {"port": app, "path": "/gone"}},
            "/app-health/c/startupz": {"tcpSocket": {"port": app}},
            "/app-health/d/startupz": {"tcpSocket": {"port": 1}},
        }
        with agent(Settings(ip="127.0.0.1", probers=probers)) as port:
            assert get(port, "/app-health/c/livez").status == 200
            assert seen == ["GET /live 7"]
            assert get(port, "/app-health/c/readyz").status == 404
            assert get(port, "/app-health/c/startupz").status == 200
            assert get(port, "/app-health/d/startupz").status == 500
            assert get(port, "/app-health/e/livez").status == 404


def test_quit_needs_a_post() -> None:
    called = threading.Event()
    with agent(Settings(), called.set) as port:
        assert get(port, "/quitquitquit").status == 405
        assert not called.is_set()
        assert get(port, "/quitquitquit", "POST").status == 200
        assert called.wait(2)


def test_rubbish_is_answered_or_dropped() -> None:
    with agent(Settings()) as port, socket.create_connection(("127.0.0.1", port), 2) as connection:
        connection.sendall(b"hello\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
        assert get(port, "/nothing").status == 404


def test_neither_connections_nor_headers_grow_without_bound() -> None:
    with agent(Settings()) as port:
        idle = [socket.create_connection(("127.0.0.1", port), 2) for _ in range(MAX_CONNECTIONS)]
        try:
            with pytest.raises(OSError, match=r"not an HTTP answer|reset"):
                get(port, "/nothing")
        finally:
            for connection in idle:
                connection.close()
        time.sleep(0.2)
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000)
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(100) == b""
        assert get(port, "/nothing").status == 404


def test_chunked_answers() -> None:
    with peer({"/x": b"hello"}, chunked=True) as (port, _):
        assert get(port, "/x").body == b"hello"


def test_a_peer_that_speaks_no_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _ = server.accept()
            connection.sendall(b"220 smtp ready\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(OSError, match=r"not an HTTP answer|reset"):
            get(port, "/")


def test_active_connections_leave_our_own_listeners_out() -> None:
    stats = (
        b"listener.admin.downstream_cx_active: 1\nlistener.0.0.0.0_15021.downstream_cx_active: 2\n"
        b"listener.0.0.0.0_15006.downstream_cx_active: 3\nlistener.10.0.0.1_80.downstream_cx_active: 4\n"
    )
    with peer({"/stats": stats}) as (port, _):
        assert Admin(port).active_connections() == 7


def test_draining_is_gentle_and_inbound_only_in_sidecars() -> None:
    with peer({"/drain_listeners": b"OK"}) as (port, seen):
        Admin(port).drain(inbound_only=True)
        Admin(port).drain(inbound_only=False)
    assert seen == ["POST /drain_listeners?inboundonly&graceful", "POST /drain_listeners?graceful"]
