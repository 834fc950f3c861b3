from __future__ import annotations

from tejer.cluster.runtime.probing import Course, ProbeKind, advance, begin, given_up, schedule_of
from tejer.kube.kinds.core import Probe

SCHEDULE = schedule_of(Probe(period_seconds=1, failure_threshold=2, success_threshold=2))


def test_the_defaults_are_kubernetes() -> None:
    schedule = schedule_of(Probe())
    assert (schedule.delay, schedule.period, schedule.timeout, schedule.successes, schedule.failures) == (
        0,
        10,
        1,
        1,
        3,
    )


def test_at_first_it_asks_sooner_and_counts_nothing() -> None:
    course, waits = begin(ProbeKind.READINESS, passing=False), []
    for _ in range(4):
        step = advance(course, SCHEDULE, False)
        waits.append(step.wait)
        assert not step.counted_failure
        course = step.course
    assert waits == [0.1, 0.2, 0.4, 0.8]
    step = advance(course, SCHEDULE, False)
    assert (step.wait, step.counted_failure) == (1.0, True)


def test_thresholds_turn_the_verdict() -> None:
    course = Course(passing=False)
    course = advance(course, SCHEDULE, True).course
    assert not course.passing
    course = advance(course, SCHEDULE, True).course
    assert course.passing
    course = advance(course, SCHEDULE, False).course
    assert course.passing
    course = advance(course, SCHEDULE, False).course
    assert not course.passing
    assert given_up(course, SCHEDULE)


def test_liveness_starts_out_alive_and_is_never_eager() -> None:
    step = advance(begin(ProbeKind.LIVENESS, passing=False), SCHEDULE, False)
    assert step.counted_failure
    assert step.course.passing
