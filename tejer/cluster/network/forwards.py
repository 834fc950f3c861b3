"""Ports of this machine that lead into the cluster: hostPorts of pods, ports of LoadBalancer and NodePort Services.

Each set of ports is one small process (`forward.py`) that outlives the daemon: so the ingress answers while it is
restarted. A Service's forwarder connects to the Service's address, so a rollout behind it changes nothing here.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tejer.cluster.config import ClusterConfig
from tejer.cluster.runtime.processes import alive, start_time
from tejer.kube.resource import Body, metadata

log = logging.getLogger(__name__)

_PROGRAM = Path(__file__).parent / "forward.py"
_EVERYWHERE = {"", "0.0.0.0"}  # noqa: S104 (what hostIP says when it means "any"; we listen on loopback only)
LOOPBACK = "127.0.0.1"
INGRESS = ("istio-system", "istio-ingressgateway")


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """Connections to `host`:`port` of this machine go to `target`:`target_port`."""

    host: str
    port: int
    target: str
    target_port: int


@dataclass(frozen=True, slots=True)
class Forward:
    """What one process forwards. `key` says for whom, e.g. `service/istio-system/istio-ingressgateway`."""

    key: str
    ports: tuple[Port, ...]


def wanted_forwards(services: Iterable[Body], pods: Iterable[Body], config: ClusterConfig) -> dict[str, Forward]:
    """By key. Pure. Only TCP."""
    found: dict[str, Forward] = {}
    for service in services:
        ports = _of_service(service, config)
        if ports:
            meta = metadata(service)
            key = f"service/{meta.get('namespace')}/{meta.get('name')}"
            found[key] = Forward(key, ports)
    for pod in pods:
        ports = _of_pod(pod)
        if ports:
            key = f"pod/{metadata(pod).get('uid')}"
            found[key] = Forward(key, ports)
    return found


def _of_service(service: Body, config: ClusterConfig) -> tuple[Port, ...]:
    spec, meta = service.get("spec") or {}, metadata(service)
    address = str(spec.get("clusterIP") or "")
    if address in {"", "None"}:
        return ()
    if spec.get("type") == "NodePort":
        numbers = [(p.get("nodePort"), p["port"]) for p in spec.get("ports") or [] if p.get("protocol", "TCP") == "TCP"]
        return tuple(sorted(Port(LOOPBACK, int(node), address, int(port)) for node, port in numbers if node))
    if spec.get("type") != "LoadBalancer":
        return ()
    ingress = {80: config.ingress_http_port, 443: config.ingress_https_port}
    is_ingress = (meta.get("namespace"), meta.get("name")) == INGRESS
    ports = []
    for port in spec.get("ports") or []:
        number = int(port["port"])
        if port.get("protocol", "TCP") != "TCP" or (is_ingress and number not in ingress):
            continue
        ports.append(Port(LOOPBACK, ingress[number] if is_ingress else number, address, number))
    return tuple(sorted(ports))


def _of_pod(pod: Body) -> tuple[Port, ...]:
    spec, address = pod.get("spec") or {}, (pod.get("status") or {}).get("podIP")
    if not address or spec.get("hostNetwork") or (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
        return ()
    ports = [
        Port(LOOPBACK if (host := str(port.get("hostIP") or "")) in _EVERYWHERE else host, int(port["hostPort"]),
             str(address), int(port["containerPort"]))
        for container in spec.get("containers") or []
        for port in container.get("ports") or []
        if port.get("hostPort") and port.get("protocol", "TCP") == "TCP"
    ]  # fmt: skip
    return tuple(sorted(set(ports)))


class Forwarder:
    """Keeps the processes equal to what is wanted; they are found again by their state files."""

    def __init__(self, config: ClusterConfig) -> None:
        self._config = config
        self._folder = config.home / "forwards"
        self.refused: dict[str, str] = {}
        """Why a forward isn't there, by key."""

    def apply(self, wanted: dict[str, Forward]) -> None:
        """Blocking, briefly. What can't listen is in `refused`, the rest works."""
        self._folder.mkdir(parents=True, exist_ok=True)
        names = {_name(key): forward for key, forward in wanted.items()}
        for path in self._folder.glob("*.json"):
            state, forward = _read(path), names.get(path.stem)
            ports = tuple(Port(*each) for each in state.get("ports", []))
            if forward is not None and ports == forward.ports and _alive(state):
                del names[path.stem]
                continue
            _kill(state)
            path.unlink(missing_ok=True)
        for key in [key for key in self.refused if key not in wanted]:
            del self.refused[key]
        for name, forward in names.items():
            try:
                self._start(name, forward)
                self.refused.pop(forward.key, None)
            except OSError as error:
                words = str(error)
                if self.refused.get(forward.key) != words:
                    log.error("%s: %s", forward.key, words)
                self.refused[forward.key] = words

    def _start(self, name: str, forward: Forward) -> None:
        listeners: list[socket.socket] = []
        try:
            for port in forward.ports:
                listeners.append(_listen(port))
            fds = [listener.fileno() for listener in listeners]
            pairs = zip(fds, forward.ports, strict=True)
            arguments = [f"{fd}={port.target}:{port.target_port}" for fd, port in pairs]
            process = subprocess.Popen(
                [str(Path(sys.executable).resolve()), "-I", "-S", str(_PROGRAM), str(self._config.home), *arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=fds,
                start_new_session=True, cwd="/", env={},
            )  # fmt: skip
        finally:
            for listener in listeners:
                listener.close()
        process.returncode = 0  # it outlives us; whoever is its parent then reaps it
        ports = [[port.host, port.port, port.target, port.target_port] for port in forward.ports]
        state = {"pid": process.pid, "started": start_time(process.pid), "key": forward.key, "ports": ports}
        (self._folder / f"{name}.json").write_text(json.dumps(state))


def _listen(port: Port) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((port.host, port.port))
        listener.listen(1024)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        words = f"{port.host}:{port.port}: {os.strerror(error.errno or 0).lower()}; free the port or choose another"
        raise OSError(error.errno, f"cannot listen on {words}") from error
    return listener


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _read(path: Path) -> Body:
    try:
        state = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _alive(state: Body) -> bool:
    return bool(state.get("pid")) and alive(int(state["pid"]), int(state["started"]))


def _kill(state: Body) -> None:
    if _alive(state):
        with suppress(ProcessLookupError):
            os.kill(int(state["pid"]), 9)
        with suppress(ChildProcessError):
            os.waitpid(int(state["pid"]), 0)


def noted_forwarders(config: ClusterConfig) -> set[int]:
    """Pids of the cluster's living forwarders, by their state files."""
    states = [_read(path) for path in (config.home / "forwards").glob("*.json")]
    return {int(state["pid"]) for state in states if _alive(state)}
