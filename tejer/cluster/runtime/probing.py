"""When to probe, and what a run of results means. Pure. The kubelet's rules, except that it asks sooner at first.

A container that isn't ready yet is asked after 0.1 s, 0.2 s ... up to periodSeconds, so a fast program is not made to
wait a whole period; only results at the full period count as failures.
Source: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle#container-probes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from tejer.kube.kinds.core import Probe

_FIRST_WAIT = 0.1


class ProbeKind(Enum):
    STARTUP = "Startup"
    READINESS = "Readiness"
    LIVENESS = "Liveness"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A probe's numbers with Kubernetes' defaults, in seconds."""

    delay: float
    period: float
    timeout: float
    successes: int
    failures: int


def schedule_of(probe: Probe) -> Schedule:
    return Schedule(
        delay=float(probe.initial_delay_seconds or 0),
        period=float(probe.period_seconds or 10),
        timeout=float(probe.timeout_seconds or 1),
        successes=probe.success_threshold or 1,
        failures=probe.failure_threshold or 3,
    )


@dataclass(frozen=True, slots=True)
class Course:
    """How a probe is going. `passing` is the verdict so far; `eager` the next early wait, 0 once regular."""

    passing: bool
    good: int = 0
    bad: int = 0
    eager: float = 0.0


def begin(kind: ProbeKind, *, passing: bool) -> Course:
    """Liveness starts out passing and is never eager; `passing` carries a verdict over a restart of the agent."""
    if kind is ProbeKind.LIVENESS:
        return Course(passing=True)
    return Course(passing=passing, eager=0.0 if passing else _FIRST_WAIT)


@dataclass(frozen=True, slots=True)
class Step:
    """After one result: the new course, how long to wait, whether the failure is one to report."""

    course: Course
    wait: float
    counted_failure: bool = False


def advance(course: Course, schedule: Schedule, ok: bool) -> Step:
    if ok:
        good = course.good + 1
        passing = course.passing or good >= schedule.successes
        return Step(replace(course, passing=passing, good=good, bad=0, eager=0.0), schedule.period)
    if 0 < course.eager < schedule.period:
        return Step(replace(course, good=0, eager=course.eager * 2), course.eager)
    bad = course.bad + 1
    passing = course.passing and bad < schedule.failures
    return Step(replace(course, passing=passing, good=0, bad=bad, eager=0.0), schedule.period, counted_failure=True)


def given_up(course: Course, schedule: Schedule) -> bool:
    """Startup and liveness: failed often enough that the container is to be ended."""
    return course.bad >= schedule.failures
