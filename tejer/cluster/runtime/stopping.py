"""Ending containers: preStop hook, then the stop signal, then KILL when the grace is over.

Source: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle#pod-termination.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from typing import Any

from tejer.cluster.network.services import is_ready
from tejer.cluster.runtime.checks import Target, check
from tejer.cluster.runtime.plan import Role
from tejer.cluster.runtime.podrun import PodRun

log = logging.getLogger(__name__)

DEFAULT_GRACE = 30.0
_LEAST_AFTER_HOOK = 2.0
_LONGEST_LET_GO, _NEWS_SECONDS = 1.0, 0.2
_ORDER_SECONDS, _KILL_PATIENCE = 2.0, 5.0


async def stop_container(run: PodRun, name: str, grace: float | None, why: str = "") -> None:
    """Returns when it has ended. `grace` seconds, None for the pod's own; 0 kills at once.

    Where another call is at work already, this one kills when its own time is over.
    """
    exited = run.exit_event(name)
    if exited.is_set():
        return
    limit = _grace_of(run) if grace is None else float(grace)
    deadline = asyncio.get_running_loop().time() + limit
    if name in run.stopping:
        await _ended_within(exited, limit)
    else:
        run.stopping.add(name)
        try:
            run.unwatch(name)
            run.normal("Killing", why or f"Stopping container {name}", name)
            if limit > 0:
                await _ask(run, name, deadline)
        finally:
            run.stopping.discard(name)
    await _kill(run, name)


async def _ask(run: PodRun, name: str, deadline: float) -> None:
    """The hook and the stop signal; returns when the container has ended, or the time is over."""
    loop, exited = asyncio.get_running_loop(), run.exit_event(name)
    async with asyncio.TaskGroup() as group:
        first: set[asyncio.Task[Any]] = {
            group.create_task(_pre_stop(run, name, deadline - loop.time())),
            group.create_task(exited.wait()),
        }
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        for task in first:
            task.cancel()
    if not exited.is_set():
        await _signal(run, name, _stop_signal(run, name))
        await _ended_within(exited, max(deadline - loop.time(), _LEAST_AFTER_HOOK))


async def _kill(run: PodRun, name: str) -> None:
    """KILL, and where that is not answered, KILL to the pod's shim: with it everything of the pod ends."""
    exited = run.exit_event(name)
    if exited.is_set():
        return
    await _signal(run, name, signal.SIGKILL)
    if not await _ended_within(exited, _KILL_PATIENCE) and run.sandbox is not None:
        log.error("pod %s: its shim does not end container %s: killing the shim", run.pod.metadata.name, name)
        run.sandbox.kill()
        await _ended_within(exited, _KILL_PATIENCE)


async def _ended_within(exited: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await exited.wait()
    return exited.is_set()


async def let_go(run: PodRun) -> None:
    """Wait until nobody is sent to the pod any more: its endpoints are out of the slices, and clients had time to hear.

    Elsewhere the signal and the news of the endpoint race each other, and a rolling update loses requests unless every
    container has a preStop sleep. On one machine the news takes a moment, so the signal can come after it.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _LONGEST_LET_GO
    if not _is_endpoint(run):
        return
    while _is_endpoint(run, ready=True) and loop.time() < deadline:  # noqa: ASYNC110 (a second at most)
        await asyncio.sleep(0.02)
    await asyncio.sleep(_NEWS_SECONDS)


def _is_endpoint(run: PodRun, *, ready: bool = False) -> bool:
    """Whether an EndpointSlice of its namespace lists the pod, with `ready` as ready."""
    for key, each in run.node.slices.store.items():
        if key.namespace != run.pod.metadata.namespace:
            continue
        for endpoint in each.get("endpoints") or []:
            if run.ip in (endpoint.get("addresses") or []) and (is_ready(endpoint) or not ready):
                return True
    return False


async def stop_pod(run: PodRun, grace: float) -> None:
    """All main containers together, then the sidecars one by one, last first, within what is left of `grace`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + grace
    mains = [state.name for state in run.states.values() if state.running and state.role is not Role.SIDECAR]
    async with asyncio.TaskGroup() as group:
        for name in mains:
            group.create_task(stop_container(run, name, grace))
    sidecars = [state.name for state in run.states.values() if state.running and state.role is Role.SIDECAR]
    for name in reversed(sidecars):
        left = max(deadline - loop.time(), _LEAST_AFTER_HOOK) if grace > 0 else 0.0
        await stop_container(run, name, left)


def _grace_of(run: PodRun) -> float:
    seconds = run.pod.spec.termination_grace_period_seconds
    return DEFAULT_GRACE if seconds is None else float(seconds)


async def _pre_stop(run: PodRun, name: str, seconds: float) -> None:
    container = run.container(name)
    hook = container.lifecycle.pre_stop if container.lifecycle else None
    if hook is None:
        return
    if hook.sleep is not None:
        await asyncio.sleep(min(float(hook.sleep.seconds or 0), seconds))
        return
    ok, why = await check(hook, Target(run.directory, container, run.ip), seconds)
    if not ok:
        run.warning("FailedPreStopHook", f"PreStopHook failed: {why}", name)


def _stop_signal(run: PodRun, name: str) -> int:
    lifecycle = run.container(name).lifecycle
    wanted = lifecycle.stop_signal if lifecycle else ""
    return int(getattr(signal, wanted, signal.SIGTERM)) if wanted.startswith("SIG") else signal.SIGTERM


async def _signal(run: PodRun, name: str, number: int) -> None:
    if run.sandbox is None:
        return
    with suppress(OSError):  # it has ended meanwhile, or the shim has: either is told by itself
        async with asyncio.timeout(_ORDER_SECONDS):
            await run.sandbox.order("signal", name=name, number=int(number))
