"""The agent's HTTP server on :15020: readiness, merged metrics, the application's probes, drain and quit."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from tejer.envoy import http1
from tejer.envoy.admin import Admin
from tejer.envoy.agent import prometheus
from tejer.envoy.agent.log import warn
from tejer.envoy.agent.probes import run_probe
from tejer.envoy.agent.settings import Settings

_RESERVED_PORTS = frozenset({15000, 15001, 15006, 15020, 15021, 15090})
MAX_CONNECTIONS = 64
_LOCAL = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}


class Answer(NamedTuple):
    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class AgentApp:
    """What the paths of :15020 do. `quit` ends the agent at once, `drain` starts draining without an end."""

    def __init__(
        self, settings: Settings, quit: Callable[[], None], drain: Callable[[], None],
        certificate_expiry: Callable[[], float] = lambda: 0.0,
    ) -> None:  # fmt: skip
        self.settings, self.quit, self.drain, self.certificate_expiry = settings, quit, drain, certificate_expiry
        self.admin = Admin(settings.admin_port)
        self.started = time.time()
        self.scrapes = self.scrape_failures = 0

    def answer(self, method: str, path: str, headers: dict[str, str], peer: str) -> Answer:
        path = path.partition("?")[0]
        if path == "/healthz/ready":
            return self._ready()
        if path in ("/stats/prometheus", "/metrics"):
            return Answer(200, self._metrics(headers), prometheus.TEXT)
        if path == "/stats/envoy":
            return Answer(200, prometheus.merge(b"", self._envoy_metrics(), b""), prometheus.TEXT)
        if path.startswith("/app-health/"):
            return self._probe(path)
        if path in ("/quitquitquit", "/drain"):
            return self._control(method, path, peer)
        return Answer(404, b"404 page not found\n")

    def _ready(self) -> Answer:
        try:
            readiness = self.admin.readiness()
        except OSError as problem:
            return Answer(503, f"Envoy does not answer: {problem}\n".encode())
        return Answer(200) if readiness.ready else Answer(503, f"{readiness.reason}\n".encode())

    def _envoy_metrics(self) -> bytes:
        try:
            return self.admin.get("/stats/prometheus")
        except OSError:
            return b""

    def _metrics(self, headers: dict[str, str]) -> bytes:
        self.scrapes += 1
        envoy, application = self._envoy_metrics(), self._application_metrics(headers)
        own = prometheus.agent_metrics(
            certificate_expiry=self.certificate_expiry(),
            scrapes=self.scrapes,
            scrape_failures=self.scrape_failures,
            started=self.started,
        )
        return prometheus.merge(own, envoy, application)

    def _application_metrics(self, headers: dict[str, str]) -> bytes:
        scrape = self.settings.prometheus
        port = str(scrape.get("port", ""))
        if str(scrape.get("scrape", "")).lower() != "true" or not port.isdigit() or int(port) in _RESERVED_PORTS:
            return b""
        path = str(scrape.get("path") or "/metrics")
        forwarded = {"Accept": prometheus.TEXT}
        if timeout := headers.get("x-prometheus-scrape-timeout-seconds"):
            forwarded["X-Prometheus-Scrape-Timeout-Seconds"] = timeout
        try:
            response = http1.request("GET", "127.0.0.1", int(port), path, headers=forwarded)
            if response.status == 200:
                return response.body
            problem = f"status {response.status}"
        except OSError as failure:
            problem = str(failure)
        self.scrape_failures += 1
        warn(f"the application's metrics at :{port}{path} could not be read: {problem}")
        return b""

    def _probe(self, path: str) -> Answer:
        probe = self.settings.probers.get(path)
        if not isinstance(probe, dict):
            return Answer(404, b"no such probe\n")
        result = run_probe(probe, self.settings.ip or "127.0.0.1")
        return Answer(result.status, result.message.encode())

    def _control(self, method: str, path: str, peer: str) -> Answer:
        if peer not in _LOCAL:
            return Answer(403, b"Only requests from localhost are allowed\n")
        if method != "POST":
            return Answer(405, b"Method Not Allowed\n")
        (self.quit if path == "/quitquitquit" else self.drain)()
        return Answer(200, b"ok\n")


class _Handler(socketserver.StreamRequestHandler):
    timeout = 15.0
    app: AgentApp

    def handle(self) -> None:
        try:
            words = self.rfile.readline(8192).split()
            headers = http1.read_headers(self.rfile)
            if len(words) != 3:
                answer = Answer(400, b"not an HTTP request\n")
            else:
                answer = self.app.answer(words[0].decode(), words[1].decode(), headers, self.client_address[0])
            head = f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Status')}\r\n"
            head += f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n"
            self.wfile.write(f"{head}Connection: close\r\n\r\n".encode() + answer.body)
        except (OSError, UnicodeDecodeError):
            return


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        super().__init__(address, handler)
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Anyone may connect to :15020, so no number of connections may eat the pod's memory."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()


def serve(app: AgentApp, host: str, port: int) -> socketserver.TCPServer:
    """Bind at once (OSError when the port is taken) and serve in a thread until `shutdown()`."""
    handler = type("Handler", (_Handler,), {"app": app})
    server = _Server((host, port), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 3600.0}, daemon=True).start()
    return server
