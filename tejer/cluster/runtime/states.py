"""What is known of a pod's containers: frozen values that the worker replaces and the rest only reads. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from tejer.cluster.runtime.plan import Role

FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 300.0
BACKOFF_FORGOTTEN = 600.0
"""A container that ran this many seconds starts its back-off anew."""


class Stage(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an attempt ended. Times are seconds since the epoch."""

    exit_code: int
    signal: int
    started: float
    finished: float
    reason: str
    message: str = ""
    container_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """One container now. `attempt` counts from 0; `ended` is the latest end, of this attempt when TERMINATED.

    `hooked`: no postStart hook is in the way of the containers after it. `started`: its startup probe and postStart
    hook, where it has them, have succeeded. `not_before` is when it may
    start again, `failures` how many quick ends in a row led to that.
    """

    name: str
    role: Role
    stage: Stage = Stage.WAITING
    reason: str = "PodInitializing"
    message: str = ""
    attempt: int = -1
    pid: int = 0
    container_id: str = ""
    since: float = 0.0
    hooked: bool = True
    started: bool = False
    ready: bool = False
    ended: Ended | None = None
    failures: int = 0
    not_before: float = 0.0

    @property
    def running(self) -> bool:
        return self.stage is Stage.RUNNING

    @property
    def succeeded(self) -> bool:
        return self.stage is Stage.TERMINATED and self.ended is not None and self.ended.exit_code == 0

    @property
    def restarts(self) -> int:
        return max(self.attempt, 0)


def begun(state: ContainerState, *, attempt: int, pid: int, container_id: str, now: float) -> ContainerState:
    return replace(
        state, stage=Stage.RUNNING, reason="", message="", attempt=attempt, pid=pid, container_id=container_id,
        since=now, started=False, ready=False,
    )  # fmt: skip


def ended(state: ContainerState, end: Ended) -> ContainerState:
    """After an end: the first restart is immediate, then 10 s, 20 s ... 5 min."""
    lasted = end.started > 0 and end.finished - end.started >= BACKOFF_FORGOTTEN  # 0: it never started
    failures = 1 if lasted else state.failures + 1
    delay = 0.0 if failures == 1 else min(FIRST_BACKOFF * 2 ** (failures - 2), LONGEST_BACKOFF)
    return replace(
        state, stage=Stage.TERMINATED, reason=end.reason, message=end.message, pid=0, started=False, ready=False,
        ended=end, failures=failures, not_before=end.finished + delay,
    )  # fmt: skip


def waiting(state: ContainerState, reason: str, message: str = "", not_before: float = 0.0) -> ContainerState:
    return replace(
        state, stage=Stage.WAITING, reason=reason, message=message, pid=0, started=False, ready=False,
        not_before=max(not_before, state.not_before),
    )  # fmt: skip
