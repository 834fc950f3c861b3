"""One pod at run time: what its worker and its helpers (starting, watching, stopping) share. Loop thread only."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from tejer.cluster.runtime.node import Node
from tejer.cluster.runtime.plan import Role, containers_of
from tejer.cluster.runtime.sandbox import Sandbox
from tejer.cluster.runtime.shim.wire import Message
from tejer.cluster.runtime.states import ContainerState, Ended, ended
from tejer.kube.kinds.core import Container, Pod
from tejer.kube.resource import Body, decode

_NOTE = "pod.json"
_LONGEST_MESSAGE = 4096


class PodRun:
    """`states` is in start order. `body` is the API's newest, None once it is gone from there."""

    def __init__(self, node: Node, body: Body) -> None:
        self.node = node
        self.group = asyncio.TaskGroup()
        """Of the worker's own: whatever runs beside it ends with it."""
        self.body: Body | None = body
        self.pod = decode(body, Pod)
        self.last_body = body
        self.directory: Path = node.config.pod_dir(self.pod.metadata.uid)
        self.containers = {container.name: container for _, container in containers_of(self.pod)}
        self.states = {c.name: ContainerState(name=c.name, role=role) for role, c in containers_of(self.pod)}
        self.sandbox: Sandbox | None = None
        self.ip = ""
        self.start_time = time.time()
        self.sources: dict[str, str] = {}
        """Volumes that are ready: their directories on the host."""
        self.changed = asyncio.Event()
        self.stopping: set[str] = set()
        self._watchers: dict[str, list[asyncio.Task[None]]] = {}
        self._exits: dict[str, asyncio.Event] = {}
        self._early_exits: dict[str, Message] = {}

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside the worker. Raises CancelledError where the worker is being cancelled already."""
        try:
            return self.group.create_task(work)
        except RuntimeError:  # its group is shutting down
            work.close()
            raise asyncio.CancelledError from None

    def wake(self) -> None:
        self.changed.set()

    async def wait_for_change(self) -> None:
        await self.changed.wait()

    def update(self, body: Body | None) -> None:
        """The API's news of this pod."""
        self.body = body
        if body is not None:
            self.last_body = body
            self.pod = decode(body, Pod)
            self.containers = {container.name: container for _, container in containers_of(self.pod)}
        self.wake()

    @property
    def deleting(self) -> bool:
        return self.body is None or bool(self.pod.metadata.deletion_timestamp)

    def set_state(self, state: ContainerState) -> None:
        self.states[state.name] = state
        self.wake()

    def container(self, name: str) -> Container:
        return self.containers[name]

    def field_path(self, name: str) -> str:
        """As events name a container."""
        kind = "containers" if self.states[name].role is Role.MAIN else "initContainers"
        return f"spec.{kind}{{{name}}}"

    def normal(self, reason: str, message: str, name: str = "") -> None:
        self.node.events.normal(self.last_body, reason, message, field=self.field_path(name) if name else "")

    def warning(self, reason: str, message: str, name: str = "") -> None:
        self.node.events.warning(self.last_body, reason, message, field=self.field_path(name) if name else "")

    def container_id(self, name: str, attempt: int) -> str:
        return "tejer://" + hashlib.sha256(f"{self.pod.metadata.uid}/{name}/{attempt}".encode()).hexdigest()

    def log_path(self, name: str, attempt: int) -> Path:
        return self.directory / "logs" / name / f"{attempt}.log"

    def message_path(self, name: str, attempt: int) -> Path:
        return self.directory / "messages" / name / str(attempt)

    def take_note(self) -> None:
        """Write what another process must know of this pod to find, adopt or remove it."""
        meta = self.pod.metadata
        note = {"namespace": meta.namespace, "name": meta.name, "ip": self.ip, "started": self.start_time}
        (self.directory / _NOTE).write_text(json.dumps(note))

    def watch(self, name: str, task: asyncio.Task[None]) -> None:
        """A probe or hook of the current attempt: ends with it."""
        self._watchers.setdefault(name, []).append(task)

    def unwatch(self, name: str) -> None:
        for task in self._watchers.pop(name, []):
            if task is not asyncio.current_task():
                task.cancel()

    def exit_event(self, name: str) -> asyncio.Event:
        """Set when the container isn't running (any more)."""
        event = self._exits.setdefault(name, asyncio.Event())
        if self.states[name].running:
            event.clear()
        else:
            event.set()
        return event

    def on_exit(self, record: Message) -> None:
        """The shim says that a container has ended."""
        name = str(record["name"])
        state = self.states.get(name)
        if state is None or not state.running or state.attempt != record["attempt"]:
            self._early_exits[name] = record  # it was quicker than the answer to its start
            return
        self.unwatch(name)
        self.set_state(ended(state, self.end_of(record)))
        self.exit_event(name)

    def catch_up(self, name: str) -> None:
        """The state says now that the attempt runs; its end may have been told before."""
        record = self._early_exits.pop(name, None)
        if record is not None and record["attempt"] == self.states[name].attempt:
            self.on_exit(record)

    def end_of(self, record: Message) -> Ended:
        name, attempt, code = str(record["name"]), int(record["attempt"]), int(record["exit"])
        return Ended(
            exit_code=code,
            signal=int(record["signal"]),
            started=float(record["started"]),
            finished=float(record["finished"]),
            reason="Completed" if code == 0 else "Error",
            message=self._termination_message(name, attempt, code),
            container_id=self.container_id(name, attempt),
        )

    def _termination_message(self, name: str, attempt: int, code: int) -> str:
        try:
            with self.message_path(name, attempt).open("rb") as file:
                said = file.read(_LONGEST_MESSAGE)
            if not said and code and self.containers[name].termination_message_policy == "FallbackToLogsOnError":
                from tejer.cluster.runtime.logfiles import last_lines

                said = last_lines(self.log_path(name, attempt), 80)[-2048:]
        except OSError:
            return ""
        return said.decode(errors="replace")

    def on_death(self) -> None:
        """The shim is gone, and with it every container."""
        self.sandbox = None
        self.all_killed()
        for state in list(self.states.values()):
            self.set_state(replace(state, container_id="" if not state.succeeded else state.container_id))
        if not self.deleting:
            self.normal("SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")

    def all_killed(self) -> None:
        """Whatever ran has been killed with its shim, and nobody else will tell of it."""
        now = time.time()
        for state in list(self.states.values()):
            self.unwatch(state.name)
            if state.running:
                end = Ended(exit_code=137, signal=9, started=state.since, finished=now, reason="Error",
                            container_id=state.container_id)  # fmt: skip
                self.set_state(ended(state, end))
            self.exit_event(state.name)


def read_note(directory: Path) -> dict[str, Any] | None:
    """What `take_note` wrote, or None."""
    try:
        note = json.loads((directory / _NOTE).read_text())
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) else None
