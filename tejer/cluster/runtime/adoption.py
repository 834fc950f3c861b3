"""A new node agent meets pods that an earlier one started: from the shim's records and the pod's status in the API."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tejer.cluster.config import ClusterConfig
from tejer.cluster.processes import arguments, end_processes, processes_of
from tejer.cluster.runtime.plan import Role
from tejer.cluster.runtime.podrun import PodRun, read_note
from tejer.cluster.runtime.sandbox import Sandbox, find
from tejer.cluster.runtime.shim.wire import Message
from tejer.cluster.runtime.states import ContainerState, Ended, Stage, begun, ended
from tejer.kube.resource import Body

_STEADY_FAILURES = 4
_DEATH_SECONDS = 5.0


async def adopt(run: PodRun) -> list[str]:
    """Take over what runs already; the names of the running containers. A pod never seen before: nothing happens."""
    note = read_note(run.directory)
    if note is None:
        return []
    run.ip, run.start_time = str(note.get("ip", "")), float(note.get("started", run.start_time))
    for state in states_from_status(run.last_body.get("status") or {}, run.states.values()):
        run.states[state.name] = state
    pid = find(run.directory)
    if pid:
        sandbox = Sandbox(run.directory, pid, run.on_exit, run.on_death)
        try:
            await sandbox.meet()
        except OSError:
            await sandbox.destroy()
        else:
            run.sandbox = sandbox
    records = run.sandbox.containers if run.sandbox else []
    known = {str(record["name"]) for record in records}
    for record in records:
        if record["name"] in run.states:
            run.set_state(_from_record(run, run.states[str(record["name"])], record))
    for state in list(run.states.values()):
        if state.name not in known:
            run.set_state(_lost(state, time.time()))
    return [state.name for state in run.states.values() if state.running]


def end_unnoted_shims(config: ClusterConfig) -> None:
    """Kill shims that no pod's directory names: an agent was killed between the birth of one and its note of it."""
    for process in processes_of(config):
        directories = [Path(word) for word in arguments(process.pid) if Path(word).parent == config.pods_dir]
        if directories and find(directories[0]) != process.pid:
            end_processes([process], signal.SIGKILL, _DEATH_SECONDS)


def _from_record(run: PodRun, state: ContainerState, record: Message) -> ContainerState:
    attempt = int(record["attempt"])
    current = begun(
        state, attempt=attempt, pid=int(record["pid"]), container_id=run.container_id(state.name, attempt),
        now=float(record["started"]),
    )  # fmt: skip
    if not record["finished"]:
        same = state.attempt == attempt
        return replace(current, started=state.started and same, ready=state.ready and same)
    if state.attempt == attempt and state.stage is Stage.TERMINATED:
        return replace(state, container_id=current.container_id)
    failures = min(attempt, _STEADY_FAILURES)  # how many before is forgotten: this one counts as one more
    return ended(replace(current, failures=failures), run.end_of(record))


def _lost(state: ContainerState, now: float) -> ContainerState:
    """No shim knows of it: what ran has been killed; a main container's ended attempt stays as it was reported."""
    if not state.running:
        keep = state.role is not Role.MAIN and state.succeeded
        return replace(state, container_id=state.container_id if keep else "")
    end = Ended(exit_code=137, signal=9, started=state.since, finished=now, reason="ContainerStatusUnknown",
                message="The container could not be located when the pod was terminated",
                container_id=state.container_id)  # fmt: skip
    return replace(ended(state, end), container_id="")


def states_from_status(status: Body, states: Iterable[ContainerState]) -> list[ContainerState]:
    """The states as the API last heard of them; those it has no status of, unchanged."""
    reported = {
        str(body.get("name")): body
        for kind in ("initContainerStatuses", "containerStatuses")
        for body in status.get(kind) or []
    }
    return [_from_status(state, reported[state.name]) if state.name in reported else state for state in states]


def _from_status(state: ContainerState, body: Body) -> ContainerState:
    now = body.get("state") or {}
    container_id = str(body.get("containerID") or "")
    attempt = int(body.get("restartCount") or 0) if container_id else -1
    last = _ended_of((body.get("lastState") or {}).get("terminated"))
    base = replace(
        state, attempt=attempt, container_id=container_id, ended=last,
        started=bool(body.get("started")), ready=bool(body.get("ready")),
    )  # fmt: skip
    if (running := now.get("running")) is not None:
        return replace(base, stage=Stage.RUNNING, reason="", since=seconds(running.get("startedAt")))
    if (terminated := _ended_of(now.get("terminated"))) is not None:
        return replace(base, stage=Stage.TERMINATED, reason=terminated.reason, ended=terminated, ready=False)
    waiting = now.get("waiting") or {}
    return replace(base, reason=str(waiting.get("reason") or state.reason), ready=False)


def _ended_of(body: Any) -> Ended | None:
    if not isinstance(body, dict):
        return None
    return Ended(
        exit_code=int(body.get("exitCode", 0)), signal=int(body.get("signal") or 0),
        started=seconds(body.get("startedAt")), finished=seconds(body.get("finishedAt")),
        reason=str(body.get("reason", "")), message=str(body.get("message", "")),
        container_id=str(body.get("containerID", "")),
    )  # fmt: skip


def seconds(stamp: Any) -> float:
    """RFC 3339 → seconds since the epoch; 0.0 for null or nonsense."""
    try:
        return datetime.fromisoformat(str(stamp)).timestamp()
    except ValueError:
        return 0.0
