"""Run the application's probes that the injector moved to :15020/app-health (pilot-agent/status/server.go).

Under STRICT mutual TLS the kubelet cannot reach the application's port, but the agent, whose traffic is not captured,
can: it repeats the probe against the pod's own address.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tejer.envoy import http1

Json = dict[str, Any]


PASSTHROUGH_SOURCE = "127.0.0.6"
"""Connections to the pod's own address from here are not captured (`tejer.envoy.capture`)."""


class ProbeResult(NamedTuple):
    """The HTTP status the kubelet sees, and a word on why."""

    status: int
    message: str


def run_probe(probe: Json, ip: str) -> ProbeResult:
    """`probe` is one value of ISTIO_KUBE_APP_PROBERS: httpGet, tcpSocket or grpc, and timeoutSeconds."""
    timeout = float(probe.get("timeoutSeconds") or 1)
    try:
        if http := probe.get("httpGet"):
            return _http(http, ip, timeout)
        if tcp := probe.get("tcpSocket"):
            host = str(tcp.get("host") or ip)
            http1.connect(host, int(tcp["port"]), timeout, _source(host, ip)).close()
            return ProbeResult(200, "ok")
        if grpc := probe.get("grpc"):
            return _grpc(grpc, ip, timeout)
    except (OSError, ValueError, KeyError) as problem:
        return ProbeResult(500, f"{type(problem).__name__}: {problem}")
    return ProbeResult(500, "the probe has neither httpGet nor tcpSocket nor grpc")


def _http(get: Json, ip: str, timeout: float) -> ProbeResult:
    path = "/" + str(get.get("path") or "/").removeprefix("/")
    headers = {str(item.get("name")): str(item.get("value", "")) for item in get.get("httpHeaders") or ()}
    tls = str(get.get("scheme") or "HTTP").upper() == "HTTPS"
    headers.setdefault("User-Agent", "kube-probe/1.33")
    host = str(get.get("host") or ip)
    response = http1.request(
        "GET", host, int(get["port"]), path, headers=headers, timeout=timeout, tls=tls, source=_source(host, ip)
    )
    return ProbeResult(response.status, "")


def _grpc(grpc: Json, ip: str, timeout: float) -> ProbeResult:
    from tejer.envoy.agent.grpc_health import is_serving  # few pods have such a probe

    connection = http1.connect(ip, int(grpc["port"]), timeout, _source(ip, ip))
    serving = is_serving(connection, str(grpc.get("service") or ""))
    return ProbeResult(200, "SERVING") if serving else ProbeResult(500, "NOT_SERVING")


def _source(host: str, ip: str) -> str:
    """Only the pod itself can be reached from a loopback address."""
    return PASSTHROUGH_SOURCE if host == ip and "." in ip else ""
