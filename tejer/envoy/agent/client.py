"""`wait` and `request`: what lifecycle hooks and people run inside a proxy container."""

from __future__ import annotations

import sys
import time

from tejer.envoy import http1
from tejer.envoy.agent.settings import parse_flags

_ALLOWED_PORTS = (15000, 15004, 15020, 15021)


def run_wait(arguments: list[str]) -> int:
    """Block until the proxy is ready: `--timeoutSeconds 60 --periodMillis 500 --url http://localhost:15021/...`."""
    flags, _ = parse_flags(arguments)
    url = flags.get("url", "http://localhost:15021/healthz/ready")
    period = float(flags.get("periodMillis", "500")) / 1000
    end = time.monotonic() + float(flags.get("timeoutSeconds", "60"))
    host, port, path = _split(url)
    problem = ""
    while time.monotonic() < end:
        try:
            response = http1.request("GET", host, port, path, timeout=max(period, 0.5))
            if response.status == 200:
                return 0
            problem = response.body.decode(errors="replace").strip() or f"status {response.status}"
        except OSError as failure:
            problem = str(failure)
        time.sleep(period)
    sys.stderr.write(f"timeout waiting for the proxy to become ready: {problem}\n")
    return 1


def run_request(arguments: list[str]) -> int:
    """`request GET /stats [--debug-port 15000]`: the answer's body on stdout."""
    flags, words = parse_flags(arguments)
    port = int(flags.get("debug-port", "15000"))
    if port not in _ALLOWED_PORTS:
        raise ValueError(f"--debug-port is {port}; allowed are {', '.join(map(str, _ALLOWED_PORTS))}")
    if len(words) != 2:
        raise ValueError("expected a method and a path, such as: request GET /stats")
    try:
        response = http1.request(words[0].upper(), "127.0.0.1", port, "/" + words[1].removeprefix("/"))
    except OSError as failure:
        sys.stderr.write(f"the proxy does not answer on port {port}: {failure}\n")
        return 1
    sys.stdout.buffer.write(response.body)
    return 0 if response.status == 200 else 1


def _split(url: str) -> tuple[str, int, str]:
    rest = url.removeprefix("http://")
    authority, _, path = rest.partition("/")
    host, _, port = authority.partition(":")
    return ("127.0.0.1" if host == "localhost" else host), int(port or 80), f"/{path}"
