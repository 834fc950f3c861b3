"""What to do next with a pod's containers: states in, starts and stops out. Pure; the worker obeys and asks again.

The order is the kubelet's (`computePodActions`): init containers one after the other, a sidecar counts as done once it
has started, then all main containers; restarts after their back-off; when the main ones have ended for good, the
sidecars are stopped, last first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tejer.cluster.runtime.plan import Role
from tejer.cluster.runtime.states import ContainerState, Stage


@dataclass(frozen=True, slots=True)
class Decision:
    """`start` and `stop` now; containers in `back_off` wait out a delay; look again at `wake`; `phase` of the pod."""

    phase: str
    initialized: bool
    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    back_off: tuple[str, ...] = ()
    wake: float | None = None


def decide(states: Sequence[ContainerState], restart_policy: str, now: float, *, expired: bool = False) -> Decision:
    """`states` in start order; `restart_policy` is the pod's (Always, OnFailure, Never).

    `expired`: the pod's activeDeadlineSeconds are over; it fails, whatever runs.
    """
    if expired:
        return Decision("Failed", True, stop=tuple(state.name for state in states if state.running))
    mains = [state for state in states if state.role is Role.MAIN]
    begun = any(state.container_id for state in mains)  # in this sandbox: a new one starts with the init containers
    wanted: list[ContainerState] = []
    initialized, failed = True, False
    for state in states:
        if state.role is Role.MAIN:
            break
        if state.role is Role.SIDECAR:
            if not state.running:
                wanted.append(state)
            if not begun and not (state.running and state.started):
                initialized = False
                break
        elif not begun and not state.succeeded:
            initialized = False
            failed = state.stage is Stage.TERMINATED and restart_policy == "Never"
            if not state.running and not failed:
                wanted.append(state)
            break
    if initialized:
        wanted += [state for state in mains if not state.running and not _finished(state, restart_policy)]
    if failed or (mains and all(_finished(state, restart_policy) for state in mains)):
        good = not failed and all(state.succeeded for state in mains)
        return Decision("Succeeded" if good else "Failed", initialized, stop=_leftover(states))
    wanted = _before_hook(states, wanted)
    due = [state for state in wanted if state.not_before <= now]
    later = [state for state in wanted if state.not_before > now]
    return Decision(
        phase="Running" if any(state.attempt >= 0 for state in mains) else "Pending",
        initialized=initialized,
        start=tuple(state.name for state in due),
        back_off=tuple(state.name for state in later if state.ended is not None),
        wake=min((state.not_before for state in later), default=None),
    )


def _before_hook(states: Sequence[ContainerState], wanted: list[ContainerState]) -> list[ContainerState]:
    """A postStart hook holds back the containers after its own; that is how a proxy starts before the application."""
    order = [state.name for state in states]
    hooks = [number for number, state in enumerate(states) if state.running and not state.hooked]
    return [state for state in wanted if not hooks or order.index(state.name) < hooks[0]]


def _finished(state: ContainerState, restart_policy: str) -> bool:
    """Ended, and never to start again."""
    if state.ended is None or state.running or state.attempt < 0:
        return False
    if restart_policy == "Never":
        return True
    return restart_policy == "OnFailure" and state.ended.exit_code == 0


def _leftover(states: Sequence[ContainerState]) -> tuple[str, ...]:
    """The last running one that isn't a main container: sidecars end one after the other, in reverse."""
    running = [state.name for state in states if state.running and state.role is not Role.MAIN]
    return (running[-1],) if running else ()
