"""What goes on beside a running container: its postStart hook, then its probes. One task per container attempt."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tejer.cluster.runtime.checks import Target, check
from tejer.cluster.runtime.plan import Role
from tejer.cluster.runtime.podrun import PodRun
from tejer.cluster.runtime.probing import ProbeKind, advance, begin, given_up, schedule_of
from tejer.cluster.runtime.stopping import stop_container
from tejer.kube.kinds.core import Container, LifecycleHandler, Probe

_HOOK_SECONDS = 300.0


def start_watching(run: PodRun, name: str, *, adopted: bool = False) -> None:
    """Begin for the current attempt. An `adopted` container keeps its verdicts until a probe says otherwise."""
    container, state = run.container(name), run.states[name]
    hook = container.lifecycle.post_start if container.lifecycle else None
    if not adopted:
        run.set_state(replace(state, hooked=hook is None))
    run.watch(name, run.spawn(_watch(run, container, None if adopted else hook, adopted)))


async def _watch(run: PodRun, container: Container, hook: LifecycleHandler | None, adopted: bool) -> None:
    name = container.name
    if hook is not None and not await _post_start(run, container, hook):
        return
    if run.states[name].role is Role.INIT:
        return
    was_started, was_ready = run.states[name].started and adopted, run.states[name].ready and adopted
    if container.startup_probe is not None and not was_started:
        await _probe(run, container, container.startup_probe, ProbeKind.STARTUP, passing=False)
    if not run.states[name].running:
        return
    run.set_state(replace(run.states[name], started=True, ready=was_ready or container.readiness_probe is None))
    async with asyncio.TaskGroup() as group:
        if container.readiness_probe is not None:
            probe = container.readiness_probe
            group.create_task(_probe(run, container, probe, ProbeKind.READINESS, passing=was_ready))
        if container.liveness_probe is not None:
            group.create_task(_probe(run, container, container.liveness_probe, ProbeKind.LIVENESS, passing=True))


async def _post_start(run: PodRun, container: Container, hook: LifecycleHandler) -> bool:
    ok, why = await run_hook(run, container, hook, _HOOK_SECONDS)
    state = run.states[container.name]
    if ok:
        run.set_state(replace(state, hooked=True))
        return True
    run.warning("FailedPostStartHook", f"PostStartHook failed: {why}", container.name)
    run.spawn(stop_container(run, container.name, None, "FailedPostStartHook"))
    return False


async def run_hook(run: PodRun, container: Container, hook: LifecycleHandler, seconds: float) -> tuple[bool, str]:
    """Whether it succeeded, and why not."""
    if hook.sleep is not None:
        await asyncio.sleep(min(float(hook.sleep.seconds or 0), seconds))
        return True, ""
    return await check(hook, Target(run.directory, container, run.ip), seconds)


async def _probe(run: PodRun, container: Container, probe: Probe, kind: ProbeKind, *, passing: bool) -> None:
    """Startup: returns once it has passed. Readiness: for ever. Liveness: until it stops the container."""
    schedule, target, name = schedule_of(probe), Target(run.directory, container, run.ip), container.name
    course = begin(kind, passing=passing)
    await asyncio.sleep(schedule.delay)
    while run.states[name].running:
        ok, why = await check(probe, target, schedule.timeout)
        if not run.states[name].running:
            return
        step = advance(course, schedule, ok)
        if step.counted_failure:
            run.warning("Unhealthy", f"{kind.value} probe failed: {why}", name)
        course = step.course
        if kind is ProbeKind.READINESS and course.passing != run.states[name].ready:
            run.set_state(replace(run.states[name], ready=course.passing))
        if kind is ProbeKind.STARTUP and course.passing:
            return
        if kind is not ProbeKind.READINESS and given_up(course, schedule):
            why = f"Container {name} failed {kind.value.lower()} probe, will be restarted"
            grace = probe.termination_grace_period_seconds
            run.spawn(stop_container(run, name, grace, why))
            return
        await asyncio.sleep(step.wait)
