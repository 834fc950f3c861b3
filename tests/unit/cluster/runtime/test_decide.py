from __future__ import annotations

from dataclasses import replace

from tejer.cluster.runtime.decide import Decision, decide
from tejer.cluster.runtime.plan import Role
from tejer.cluster.runtime.states import ContainerState, Ended, Stage, begun, ended

NOW = 1000.0


def fresh(name: str, role: Role = Role.MAIN) -> ContainerState:
    return ContainerState(name=name, role=role)


def running(name: str, role: Role = Role.MAIN, *, started: bool = True) -> ContainerState:
    return replace(begun(fresh(name, role), attempt=0, pid=1, container_id="c", now=NOW), started=started)


def over(name: str, code: int, role: Role = Role.MAIN) -> ContainerState:
    end = Ended(exit_code=code, signal=0, started=NOW - 5, finished=NOW, reason="Error")
    return ended(running(name, role), end)


def look(*states: ContainerState, policy: str = "Always", now: float = NOW) -> Decision:
    return decide(states, policy, now)


def test_init_containers_one_after_the_other() -> None:
    a, b, main = fresh("a", Role.INIT), fresh("b", Role.INIT), fresh("m")
    assert look(a, b, main).start == ("a",)
    assert look(running("a", Role.INIT), b, main).start == ()
    assert look(over("a", 0, Role.INIT), b, main).start == ("b",)
    done = look(over("a", 0, Role.INIT), over("b", 0, Role.INIT), main)
    assert (done.start, done.initialized, done.phase) == (("m",), True, "Pending")


def test_a_sidecar_holds_the_next_until_it_has_started() -> None:
    main = fresh("m")
    assert look(running("s", Role.SIDECAR, started=False), main).start == ()
    assert look(running("s", Role.SIDECAR), main).start == ("m",)


def test_a_sidecar_that_ends_is_started_again_beside_the_main_container() -> None:
    decision = look(over("s", 0, Role.SIDECAR), running("m"), now=NOW + 1)
    assert (decision.start, decision.initialized) == (("s",), True)


def test_a_failed_init_container_fails_a_pod_that_never_restarts() -> None:
    states = (over("a", 1, Role.INIT), fresh("m"))
    assert look(*states, policy="Never").phase == "Failed"
    assert look(*states, policy="Always", now=NOW + 1).start == ("a",)


def test_restart_policies() -> None:
    for policy, code, phase in (
        ("Never", 0, "Succeeded"), ("Never", 1, "Failed"), ("OnFailure", 0, "Succeeded"), ("OnFailure", 1, "Running"),
        ("Always", 0, "Running"),
    ):  # fmt: skip
        assert look(over("m", code), policy=policy).phase == phase, (policy, code)


def test_an_expired_pod_fails_and_stops_all() -> None:
    decision = decide((running("s", Role.SIDECAR), running("m")), "Always", NOW, expired=True)
    assert (decision.phase, decision.stop, decision.start) == ("Failed", ("s", "m"), ())


def test_a_second_failure_waits_ten_seconds() -> None:
    again = ended(running("m"), Ended(exit_code=1, signal=0, started=NOW, finished=NOW, reason="Error"))
    twice = ended(replace(again, stage=Stage.RUNNING), again.ended or Ended.__new__(Ended))
    decision = look(twice)
    assert (decision.start, decision.back_off, decision.wake) == ((), ("m",), NOW + 10)
    assert look(twice, now=NOW + 10).start == ("m",)


def test_sidecars_stop_last_first_when_the_work_is_done() -> None:
    states = (running("a", Role.SIDECAR), running("b", Role.SIDECAR), over("m", 0))
    assert look(*states, policy="Never").stop == ("b",)
    assert look(running("a", Role.SIDECAR), over("b", 0, Role.SIDECAR), over("m", 0), policy="Never").stop == ("a",)


def test_a_post_start_hook_holds_back_what_comes_after() -> None:
    proxy = replace(running("p"), hooked=False)
    assert look(proxy, fresh("m")).start == ()
    assert look(replace(proxy, hooked=True), fresh("m")).start == ("m",)


def test_a_new_sandbox_starts_with_its_init_containers() -> None:
    lost = replace(over("a", 0, Role.INIT), container_id="", stage=Stage.WAITING)
    assert look(lost, replace(over("m", 137), container_id=""), now=NOW + 1).start == ("a",)
