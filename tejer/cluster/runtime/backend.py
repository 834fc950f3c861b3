"""`NodePodBackend`: logs, exec, attach and port-forward for the API server's `PodBackend` seam."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from tejer.cluster.apiserver.backend import ExecSession, LogOptions
from tejer.cluster.config import ClusterConfig
from tejer.cluster.runtime.attach import Attached
from tejer.cluster.runtime.logstream import follow_log, read_log
from tejer.cluster.runtime.process import ContainerProcess, receive
from tejer.cluster.runtime.sandbox import connect, find
from tejer.cluster.runtime.shim import wire
from tejer.kube.api import ApiError
from tejer.kube.resource import Body, metadata

_ANSWER_SECONDS = 5.0


class NodePodBackend:
    """Needs nothing but the pod's directory: it works as well while the agent is busy."""

    def __init__(self, config: ClusterConfig) -> None:
        self._config = config

    async def logs(self, pod: Body, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Whole lines. With `follow`, until the container's attempt has ended."""
        path = self._log_path(pod, container, previous=options.previous)
        left = options.limit_bytes
        source = read_log(path, options)
        if options.follow and not options.previous:
            source = follow_log(path, options, lambda: self._running(pod, container, path))
        async for chunk in source:
            if left is not None:
                chunk = chunk[:left]
                left -= len(chunk)
            yield chunk
            if left == 0:
                return

    def _directory(self, pod: Body) -> Path:
        return self._config.pod_dir(str(metadata(pod).get("uid", "")))

    def _log_path(self, pod: Body, container: str, *, previous: bool) -> Path:
        folder = self._directory(pod) / "logs" / container
        attempts = sorted(int(path.stem) for path in folder.glob("*.log") if path.stem.isdigit())
        name = str(metadata(pod).get("name", ""))
        if previous:
            attempts = attempts[:-1]
            if not attempts:
                raise ApiError(
                    400, "BadRequest", f'previous terminated container "{container}" in pod "{name}" not found'
                )
        if not attempts:
            why = _waiting_reason(pod, container)
            raise ApiError(400, "BadRequest", f'container "{container}" in pod "{name}" is waiting to start: {why}')
        return folder / f"{attempts[-1]}.log"

    async def _running(self, pod: Body, container: str, path: Path) -> bool:
        """Whether more may still be written to the log: the shim is there and no newer attempt is."""
        directory = self._directory(pod)
        newer = path.with_name(f"{int(path.stem) + 1}.log")
        return not newer.exists() and bool(find(directory)) and await _container_runs(directory, container)

    async def exec(self, pod: Body, container: str, command: list[str], *, tty: bool, stdin: bool) -> ExecSession:
        self._require_shim(pod, container)
        try:
            return await ContainerProcess.start(self._directory(pod), container, command, tty=tty, stdin=stdin)
        except OSError as error:
            name = metadata(pod).get("name")
            words = str(error)
            if "is not running" in words:
                raise ApiError(
                    400, "BadRequest", f"cannot exec into container {container} of pod {name}: {words}"
                ) from error
            raise ApiError(500, "InternalError", f"error executing command in container: {words}") from error

    async def attach(self, pod: Body, container: str, *, tty: bool, stdin: bool) -> ExecSession:
        """What the container says from now on; its input where it has one."""
        self._require_shim(pod, container)
        path = self._log_path(pod, container, previous=False)
        feed = await _ask_descriptor(self._directory(pod), {"op": "stdin", "name": container}) if stdin else -1
        return Attached(path, feed, lambda: self._running(pod, container, path))

    async def dial(self, pod: Body, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._require_shim(pod, "")
        fd = await _ask_descriptor(self._directory(pod), {"op": "socket"})
        sock = socket.socket(fileno=fd)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except OSError as error:
            sock.close()
            words = os.strerror(error.errno or 0).lower()
            raise ApiError(
                500, "InternalError", f"error forwarding port {port} to pod {metadata(pod).get('name')}: {words}"
            ) from error
        return await asyncio.open_connection(sock=sock)

    def _require_shim(self, pod: Body, container: str) -> None:
        if not find(self._directory(pod)):
            name = metadata(pod).get("name")
            what = f"container {container} of pod {name}" if container else f"pod {name}"
            raise ApiError(400, "BadRequest", f"{what} is not running; kubectl describe pod {name} shows why")


def _waiting_reason(pod: Body, container: str) -> str:
    status = pod.get("status") or {}
    for each in (*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])):
        if each.get("name") == container:
            return str(((each.get("state") or {}).get("waiting") or {}).get("reason") or "ContainerCreating")
    return "ContainerCreating"


async def _ask(directory: Path, order: wire.Message) -> tuple[wire.Message, list[int]]:
    """One order to the shim, its answer and the descriptors that came with it. Raises ApiError 500 without one."""
    try:
        sock = connect(directory)
    except OSError as error:
        raise ApiError(500, "InternalError", f"the pod's shim does not answer: {error}") from error
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await asyncio.get_running_loop().sock_sendall(sock, wire.encode({"id": 1, **order}))
            messages, fds = await receive(sock, wire.Decoder())
            return messages[0], fds
    except OSError as error:
        raise ApiError(500, "InternalError", f"the pod's shim does not answer: {error}") from error
    finally:
        sock.close()


async def _ask_descriptor(directory: Path, order: wire.Message) -> int:
    """Raises ApiError 400 in the shim's words when it gives none."""
    answer, fds = await _ask(directory, order)
    if not fds:
        raise ApiError(400, "BadRequest", str(answer.get("error", "refused")))
    return fds[0]


async def _container_runs(directory: Path, container: str) -> bool:
    try:
        answer, _ = await _ask(directory, {"op": "running", "name": container})
    except ApiError:
        return False
    return bool(answer.get("running"))
