from __future__ import annotations

from tejer.cluster.runtime.plan import Role
from tejer.cluster.runtime.states import ContainerState, Ended, begun, ended, waiting


def end(started: float, finished: float) -> Ended:
    return Ended(exit_code=1, signal=0, started=started, finished=finished, reason="Error")


def test_the_back_off_doubles_to_five_minutes_and_is_forgotten_after_ten() -> None:
    state, delays = ContainerState(name="m", role=Role.MAIN), []
    for _ in range(8):
        state = ended(state, end(99.0, 100.0))
        delays.append(state.not_before - 100)
    assert delays == [0, 10, 20, 40, 80, 160, 300, 300]
    assert ended(state, end(100.0, 701.0)).failures == 1
    assert ended(state, end(0.0, 701.0)).failures == 9, "one that never started has not run for long"


def test_a_new_attempt_begins_unready() -> None:
    state = begun(ContainerState(name="m", role=Role.MAIN), attempt=3, pid=7, container_id="c", now=5.0)
    assert (state.running, state.ready, state.started, state.restarts) == (True, False, False, 3)
    assert waiting(state, "ContainerCreating", not_before=9.0).not_before == 9.0
