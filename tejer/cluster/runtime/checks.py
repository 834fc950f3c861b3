"""One probe, asked once, from the node: HTTP, TCP, gRPC at the pod's address, or a command inside the container.

Messages are the kubelet's, so that `kubectl describe` reads as it does elsewhere.
Source: kubernetes `pkg/probe/{http,tcp,grpc,exec}`.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tejer.cluster.runtime.grpchealth import grpc_health
from tejer.cluster.runtime.process import run_in_container
from tejer.kube.kinds.core import Container, ExecAction, GRPCAction, HTTPGetAction, LifecycleHandler, Probe

_LONGEST_OUTPUT = 10 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """Where probes of one container go."""

    directory: Path
    container: Container
    ip: str


async def check(probe: Probe | LifecycleHandler, target: Target, seconds: float) -> tuple[bool, str]:
    """(healthy, what to say if not). Never raises for an unhealthy container."""
    try:
        async with asyncio.timeout(seconds):
            return await _check(probe, target)
    except TimeoutError:
        if probe.exec is not None:
            return False, f'command "{" ".join(probe.exec.command)}" timed out'
        if probe.http_get is not None:
            return False, f'Get "{_url(probe.http_get, target)}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'  # fmt: skip # noqa: E501
        return False, f"timeout: failed to connect within {seconds:g}s"
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:
        return False, _explain(probe, target, error)


async def _check(probe: Probe | LifecycleHandler, target: Target) -> tuple[bool, str]:
    if probe.exec is not None:
        return await _exec(probe.exec, target)
    if probe.http_get is not None:
        return await _http(probe.http_get, target)
    if probe.tcp_socket is not None:
        host = probe.tcp_socket.host or target.ip
        _, writer = await asyncio.open_connection(host, port_number(probe.tcp_socket.port, target.container))
        writer.close()
        return True, ""
    grpc: GRPCAction | None = getattr(probe, "grpc", None)
    if grpc is not None:
        return await grpc_health(target.ip, grpc.port or 0, grpc.service)
    return True, ""


async def _exec(action: ExecAction, target: Target) -> tuple[bool, str]:
    code, said = await run_in_container(target.directory, target.container.name, action.command, _LONGEST_OUTPUT)
    return code == 0, said.decode(errors="replace")


async def _http(action: HTTPGetAction, target: Target) -> tuple[bool, str]:
    host, port = action.host or target.ip, port_number(action.port, target.container)
    context = _unverified() if action.scheme == "HTTPS" else None
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        headers = {"Host": f"{host}:{port}", "User-Agent": "kube-probe/1.33", "Accept": "*/*", "Connection": "close"}
        headers |= {header.name: header.value for header in action.http_headers}
        path = action.path if action.path.startswith("/") else f"/{action.path}"
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        first = (await reader.readline()).split(None, 2)
        if len(first) < 2:
            raise ValueError("EOF" if not first else "malformed HTTP response")
        status = int(first[1])
    finally:
        writer.close()
        with suppress(OSError, ssl.SSLError):
            await writer.wait_closed()
    return 200 <= status < 400, f"HTTP probe failed with statuscode: {status}"


def _unverified() -> ssl.SSLContext:
    """Probes don't verify certificates, as the API says of scheme HTTPS."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def port_number(port: int | str | None, container: Container) -> int:
    """A number, or the containerPort of that name. Raises ValueError."""
    if isinstance(port, int):
        return port
    named = [each.container_port for each in container.ports if each.name == port and each.container_port]
    if named:
        return int(named[0])
    if port and port.isdigit():
        return int(port)
    raise ValueError(f"couldn't find port: {port!r} in container {container.name}")


def _url(action: HTTPGetAction, target: Target) -> str:
    with suppress(ValueError):
        port = port_number(action.port, target.container)
        path = action.path if action.path.startswith("/") else f"/{action.path}"
        return f"{(action.scheme or 'HTTP').lower()}://{action.host or target.ip}:{port}{path}"
    return str(action.port)


def _explain(probe: Probe | LifecycleHandler, target: Target, error: BaseException) -> str:
    words = "connect: connection refused" if isinstance(error, ConnectionRefusedError) else str(error) or "EOF"
    if probe.http_get is not None:
        return f'Get "{_url(probe.http_get, target)}": dial tcp {target.ip}: {words}'
    if probe.tcp_socket is not None:
        return f"dial tcp {probe.tcp_socket.host or target.ip}:{probe.tcp_socket.port}: {words}"
    return words
