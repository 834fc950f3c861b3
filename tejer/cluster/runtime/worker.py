"""The loop of one pod: ask `decide` what to do, do it, report, sleep until something changes."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address

from tejer.cluster.runtime.adoption import adopt
from tejer.cluster.runtime.decide import Decision, decide
from tejer.cluster.runtime.inputs import PlanError
from tejer.cluster.runtime.node import Node
from tejer.cluster.runtime.podrun import PodRun
from tejer.cluster.runtime.starting import ensure_volumes, start_container
from tejer.cluster.runtime.states import Stage
from tejer.cluster.runtime.status import Situation, pod_status
from tejer.cluster.runtime.stopping import DEFAULT_GRACE, let_go, stop_container, stop_pod
from tejer.cluster.runtime.tokens import TokenKeeper
from tejer.cluster.runtime.watching import start_watching
from tejer.kube.api import ApiError
from tejer.kube.resource import Body
from tejer.kube.types import PODS

log = logging.getLogger(__name__)

_REPORT_RETRY, _FILES_RETRY = 1.0, 5.0
_GONE = {404, 409}
_DEADLINE_EXCEEDED = "Pod was active on the node longer than the specified deadline"


class PodWorker:
    """Runs until its pod is gone, from here and from the API."""

    def __init__(self, node: Node, body: Body) -> None:
        self.run = PodRun(node, body)
        self._tokens = TokenKeeper(node.api, self.run.pod)
        self._reported: Body | None = None
        self._volumes_stale = False
        self._files_not_before = 0.0
        self._expired = (body.get("status") or {}).get("reason") == "DeadlineExceeded"

    def update(self, body: Body | None) -> None:
        old = self.run.last_body.get("metadata") or {}
        images = {name: container.image for name, container in self.run.containers.items()}
        self.run.update(body)
        for name, container in self.run.containers.items():
            if container.image != images.get(name) and self.run.states[name].running:
                why = f"Container {name} definition changed, will be restarted"
                with suppress(asyncio.CancelledError):  # a worker on its way out: its successor sees the new image
                    self.run.spawn(stop_container(self.run, name, None, why))
        new = self.run.last_body.get("metadata") or {}
        if any(old.get(field) != new.get(field) for field in ("labels", "annotations")):
            self.refresh_volumes()

    def refresh_volumes(self) -> None:
        """Something that the pod's files are made of has changed."""
        self._volumes_stale = True
        for state in list(self.run.states.values()):
            if state.stage is Stage.WAITING and state.reason != "CrashLoopBackOff":
                self.run.set_state(replace(state, not_before=0.0))  # what it lacked may have come
        self.run.wake()

    async def work(self) -> None:
        async with self.run.group:
            await self._work()

    async def _work(self) -> None:
        run = self.run
        try:
            for name in await adopt(run):
                start_watching(run, name, adopted=True)
            self._volumes_stale = run.sandbox is not None  # what changed meanwhile, and when its tokens end
            while not run.deleting:
                run.changed.clear()
                try:
                    wake = await self._step()
                except ApiError as error:
                    log.warning("pod %s: %s", run.pod.metadata.name, error.message)
                    wake = time.time() + _REPORT_RETRY
                await self._sleep(wake)
            await self._terminate()
        finally:
            for name in run.states:
                run.unwatch(name)
            if run.sandbox is not None:
                run.sandbox.leave()

    async def _step(self) -> float | None:
        """One look and what follows from it; when to look again at the latest."""
        run = self.run
        expires = self._check_deadline()
        decision = self._decide()
        for name in decision.back_off:
            self._back_off(name)
        if decision.start:
            name = decision.start[0]  # one at a time: the next may have to wait for this one's hook
            if await start_container(run, name, self._tokens):
                start_watching(run, name)
            decision = self._decide()
        for name in decision.stop:
            run.spawn(stop_container(run, name, None))
        if decision.phase in {"Succeeded", "Failed"} and not any(s.running for s in run.states.values()):
            await self._release()
        files_due = await self._refresh_files()
        await self._report(self._decide())
        if decision.start:
            run.wake()
        return min((at for at in (decision.wake, files_due, expires) if at is not None), default=None)

    def _check_deadline(self) -> float | None:
        """When activeDeadlineSeconds end, None without them or once they have."""
        run, allowed = self.run, self.run.pod.spec.active_deadline_seconds
        if allowed is None or self._expired:
            return None
        expires = run.start_time + allowed
        phase = (run.last_body.get("status") or {}).get("phase")
        if time.time() < expires or phase in {"Succeeded", "Failed"}:
            return expires if phase not in {"Succeeded", "Failed"} else None
        self._expired = True
        run.warning("DeadlineExceeded", _DEADLINE_EXCEEDED)
        return None

    def _decide(self) -> Decision:
        run = self.run
        policy = run.pod.spec.restart_policy or "Always"
        return decide(tuple(run.states.values()), policy, time.time(), expired=self._expired)

    async def _sleep(self, wake: float | None) -> None:
        seconds = None if wake is None else max(wake - time.time(), 0.0)
        with suppress(TimeoutError):  # not wait_for: that can swallow a cancellation
            async with asyncio.timeout(seconds):
                await self.run.changed.wait()

    def _back_off(self, name: str) -> None:
        run = self.run
        state = run.states[name]
        if state.stage is not Stage.TERMINATED:
            return
        meta, delay = run.pod.metadata, round(state.not_before - (state.ended.finished if state.ended else 0))
        words = f"back-off {delay}s restarting failed container={name} pod={meta.name}_{meta.namespace}({meta.uid})"
        run.states[name] = replace(state, stage=Stage.WAITING, reason="CrashLoopBackOff", message=words)
        run.warning(
            "BackOff",
            f"Back-off restarting failed container {name} in pod {meta.name}_{meta.namespace}({meta.uid})",
            name,
        )

    async def _refresh_files(self) -> float | None:
        """Bring the files of a pod that has a sandbox up to date; when to look again."""
        run, due, now = self.run, self._tokens.due, time.time()
        if run.sandbox is None:
            return None
        if not self._volumes_stale and (due is None or due > now):
            return due
        if now < self._files_not_before:
            return self._files_not_before
        self._volumes_stale = False
        try:
            await ensure_volumes(run, self._tokens)
        except PlanError as error:
            run.warning(error.reason, error.message)
            self._volumes_stale = True
            self._files_not_before = now + _FILES_RETRY
            return self._files_not_before
        return self._tokens.due

    async def _release(self) -> None:
        """The pod has ended for good: its shim goes, its logs and address stay until it is deleted."""
        if self.run.sandbox is not None:
            sandbox, self.run.sandbox = self.run.sandbox, None
            try:
                await sandbox.destroy()
            except TimeoutError:
                log.error("pod %s: its shim (pid %d) can't be killed", self.run.pod.metadata.name, sandbox.pid)
        self.run.all_killed()

    async def _report(self, decision: Decision) -> None:
        run = self.run
        if run.body is None:
            return
        where = Situation(
            host_ip=run.node.config.gateway_ip, ip=run.ip, start_time=run.start_time, now=time.time(),
            deleted=run.deleting, reason="DeadlineExceeded" if self._expired else "",
            message=_DEADLINE_EXCEEDED if self._expired else "",
        )  # fmt: skip
        old = run.last_body.get("status") or {}
        status = pod_status(run.pod, old, tuple(run.states.values()), decision, where)
        if status == self._reported or all(old.get(key) == value for key, value in status.items()):
            return
        meta = run.pod.metadata
        patch = {"metadata": {"uid": meta.uid}, "status": status}
        try:
            body = await run.node.api.patch(PODS, meta.name, meta.namespace, patch, subresource="status")
        except ApiError as error:
            if error.code in _GONE:  # deleted, or another pod of that name: the watch will say so
                return
            raise
        self._reported = status
        if run.body is not None:
            run.last_body = body

    async def _terminate(self) -> None:
        run, grace = self.run, self._grace()
        ending = run.spawn(self._end(grace))
        sooner: list[asyncio.Task[None]] = []
        while not ending.done():
            run.changed.clear()
            waiting = run.spawn(run.wait_for_change())
            await asyncio.wait({ending, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if (now := self._grace()) < grace:  # deleted again, by force or with less time
                grace = now
                sooner.append(run.spawn(self._release_after(grace)))
            with suppress(ApiError):
                await self._report(self._decide())
        for task in sooner:
            task.cancel()
        await self._remove()

    def _grace(self) -> float:
        """Seconds that the API gives the pod to end; none once it is gone from there."""
        seconds = self.run.pod.metadata.deletion_grace_period_seconds
        return 0.0 if self.run.body is None else DEFAULT_GRACE if seconds is None else float(seconds)

    async def _release_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._release()

    async def _end(self, grace: float) -> None:
        if grace > 0:
            await let_go(self.run)
        await stop_pod(self.run, grace)
        await self._release()

    async def _remove(self) -> None:
        run = self.run
        await remove_pod_directory(run)
        if run.body is None:
            return
        meta = run.pod.metadata
        while True:
            try:
                await run.node.api.delete(PODS, meta.name, meta.namespace, grace_period_seconds=0, uid=meta.uid)
                return
            except ApiError as error:
                if error.code in _GONE:
                    return
                log.warning("removing pod %s: %s", meta.name, error.message)
                await asyncio.sleep(_REPORT_RETRY)


async def remove_pod_directory(run: PodRun) -> None:
    """Its files and its address go; its logs with them, as with a deleted pod anywhere."""
    for name in list(run.states):
        run.unwatch(name)
    directory = run.directory
    await run.node.in_files(lambda: shutil.rmtree(directory, ignore_errors=True))
    if run.ip and not run.pod.spec.host_network:
        run.node.addresses.give_back(IPv4Address(run.ip))
