"""Asks every container of a cluster to end, before `teardown` kills them: a database closes its files cleanly.

Blocking, and without the node agent: the shims are spoken to directly.
"""

from __future__ import annotations

import select
import signal
import socket
import time
from collections.abc import Iterable
from pathlib import Path

from tejer.cluster.runtime.sandbox import connect, find
from tejer.cluster.runtime.shim import wire

_CHUNK = 65536


class _Pod:
    """One shim's end of the conversation. `busy` until all its containers have ended, or it doesn't answer."""

    def __init__(self, directory: Path) -> None:
        self.socket: socket.socket = connect(directory)
        self._decoder = wire.Decoder()
        self._running: set[str] = set()
        self.busy = self._order({"op": "hello", "id": 0})

    def _order(self, order: wire.Message) -> bool:
        try:
            self.socket.send(wire.encode(order))
        except OSError:  # gone, or it reads nothing: whoever kills it doesn't ask
            return False
        return True

    def hear(self) -> None:
        try:
            data = self.socket.recv(_CHUNK)
        except OSError:
            data = b""
        for message in self._decoder.feed(data):
            if "containers" in message:
                self._running = {str(one["name"]) for one in message["containers"] if not one["finished"]}
                for name in self._running:
                    self._order({"op": "signal", "id": 1, "name": name, "number": int(signal.SIGTERM)})
            elif message.get("event") == "exit":
                self._running.discard(str(message["container"]["name"]))
        self.busy = bool(data) and bool(self._running)


def ask_to_end(directories: Iterable[Path], seconds: float) -> None:
    """TERM to every running container of the pods in `directories`; returns when all have ended, or after `seconds`."""
    until = time.monotonic() + seconds
    pods: dict[int, _Pod] = {}
    watch = select.poll()
    for directory in directories:
        if not find(directory):
            continue
        try:
            pod = _Pod(directory)
        except OSError:
            continue
        pods[pod.socket.fileno()] = pod
        watch.register(pod.socket, select.POLLIN)
    try:
        while any(pod.busy for pod in pods.values()):
            left = until - time.monotonic()
            if left <= 0:
                return
            for fd, _ in watch.poll(left * 1000):
                pods[fd].hear()
                if not pods[fd].busy:
                    watch.unregister(fd)
    finally:
        for pod in pods.values():
            pod.socket.close()
