"""Bringing a pod up: sandbox, volumes, one container. What can't be done (yet) becomes a waiting state and an event."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

from tejer.cluster.runtime.files import make_volume, prepare_sub_path, write_files
from tejer.cluster.runtime.inputs import PlanError
from tejer.cluster.runtime.plan import Role, hostname_of, launch_message, plan_container
from tejer.cluster.runtime.podrun import PodRun
from tejer.cluster.runtime.sandbox import Sandbox
from tejer.cluster.runtime.shim.logs import ROTATED_SUFFIX
from tejer.cluster.runtime.states import ContainerState, Ended, begun, ended, waiting
from tejer.cluster.runtime.tokens import TokenKeeper
from tejer.cluster.runtime.volumes import MOUNT_ERROR, File, VolumePlan, plan_volumes

SANDBOX_ERROR = "FailedCreatePodSandBox"
_RETRY_SECONDS, _MOMENT = 5.0, 1.0
_START_ERROR = 128
_KEPT_ATTEMPTS = 2


def _ensure_address(run: PodRun) -> None:
    """The pod's directory and address, kept for as long as the pod is there. Raises RuntimeError without one left."""
    if run.ip:
        return
    run.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    run.ip = run.node.config.gateway_ip if run.pod.spec.host_network else str(run.node.addresses.take())
    run.take_note()


async def _ensure_sandbox(run: PodRun) -> None:
    """A live shim with its network. Raises PlanError FailedCreatePodSandBox when the machine refuses."""
    if run.sandbox is not None:
        return
    try:
        run.sandbox = await _new_sandbox(run)
    except OSError as error:
        words = _last_line(run.directory / "shim.log") or str(error)
        raise PlanError(SANDBOX_ERROR, f"Failed to create pod sandbox: {words}") from error
    for state in list(run.states.values()):  # a new sandbox starts from its init containers again
        run.set_state(replace(state, container_id=""))


async def _new_sandbox(run: PodRun) -> Sandbox:
    node, host_network = run.node, bool(run.pod.spec.host_network)
    pid = await node.nursery.spawn(run.directory, hostname_of(run.pod), own_network=not host_network)
    sandbox = Sandbox(run.directory, pid, run.on_exit, run.on_death)
    try:
        await sandbox.meet()
        if not host_network:
            await node.attach(pid, run.ip)
    except BaseException:
        await sandbox.destroy()
        raise
    return sandbox


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


async def ensure_volumes(run: PodRun, keeper: TokenKeeper) -> None:
    """Every volume ready and its files current. Raises PlanError FailedMount."""
    inputs = run.node.inputs(run.ip)
    context = run.pod.spec.security_context
    group = context.fs_group if context else None
    claims = run.node.claim_directories(run.pod.metadata.namespace)
    for plan in plan_volumes(run.pod, inputs):
        files = {**dict(plan.files), **await _token_files(plan, keeper)}
        directory = run.directory / "volumes" / plan.name

        def make(plan: VolumePlan = plan, files: dict[str, File] = files) -> str:
            where = make_volume(plan, directory, claims, group)  # noqa: B023 (called before the loop goes on)
            if plan.kind == "files":
                write_files(directory, files, group)  # noqa: B023
            return where

        try:
            run.sources[plan.name] = await run.node.in_files(make)
        except OSError as error:
            raise PlanError(MOUNT_ERROR, f'MountVolume.SetUp failed for volume "{plan.name}" : {error}') from error


async def _prepare(run: PodRun, keeper: TokenKeeper) -> None:
    """Sandbox and volumes, side by side: each mostly waits for another process or thread."""
    _ensure_address(run)
    results = await asyncio.gather(_ensure_sandbox(run), ensure_volumes(run, keeper), return_exceptions=True)
    for result in results:
        if result is not None:
            raise result


async def _token_files(plan: VolumePlan, keeper: TokenKeeper) -> dict[str, File]:
    return {token.path: File((await keeper.token(token)).encode(), token.mode) for token in plan.tokens}


async def start_container(run: PodRun, name: str, keeper: TokenKeeper) -> bool:
    """Start it, or put it into a waiting or ended state that says why not; whether it runs."""
    state, container, now = run.states[name], run.container(name), time.time()
    if state.role is Role.MAIN and state.reason == "PodInitializing":
        state = replace(state, reason="ContainerCreating")
    try:
        await _prepare(run, keeper)
        plan = plan_container(run.pod, container, run.node.inputs(run.ip))
        for mount in plan.mounts:
            if mount.volume not in run.sources:
                raise PlanError(
                    "CreateContainerConfigError", f'volume mount "{mount.volume}" names no volume of the pod'
                )
            if mount.sub_path:
                prepare_sub_path(run.sources[mount.volume], mount.sub_path)
        attempt = state.attempt + 1
        message = launch_message(
            plan, run.node.host, attempt=attempt, scratch=str(run.directory / "root"),
            log=str(_fresh(run, run.log_path(name, attempt))), sources=run.sources,
            message=str(_fresh(run, run.message_path(name, attempt), owner=plan.who.uid)),
        )  # fmt: skip
        _forget_old_attempts(run, name, attempt)
        _say_created(run, name, container.image)
        if run.sandbox is None:
            raise ConnectionError("the pod's shim is gone")
        answer = await run.sandbox.order("start", spec=message)
    except PlanError as error:
        _refused(run, state, error, now)
        return False
    except ConnectionError:  # the shim died; its death is being told, and this container waits a moment
        run.set_state(replace(run.states[name], not_before=now + _MOMENT))
        return False
    except (OSError, RuntimeError) as error:
        _failed(run, state, str(error), now)
        return False
    record = answer["container"]
    begun_state = begun(
        state, attempt=attempt, pid=record["pid"], container_id=run.container_id(name, attempt), now=record["started"]
    )
    run.set_state(begun_state)
    run.normal("Started", f"Started container {name}", name)
    run.catch_up(name)
    return run.states[name].running


def _fresh(run: PodRun, path: os.PathLike[str], owner: int = 0) -> os.PathLike[str]:
    """An empty file with its directories."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)  # noqa: PTH103, PTH120
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    if owner:
        os.fchown(fd, owner, -1)
    os.close(fd)
    return path


def _forget_old_attempts(run: PodRun, name: str, attempt: int) -> None:
    """The logs of this attempt and of the one before stay."""
    if attempt >= _KEPT_ATTEMPTS:
        old = attempt - _KEPT_ATTEMPTS
        log = run.log_path(name, old)
        for path in (log, log.with_name(log.name + ROTATED_SUFFIX), run.message_path(name, old)):
            path.unlink(missing_ok=True)


def _say_created(run: PodRun, name: str, image: str) -> None:
    run.normal("Pulled", f'Container image "{image}" already present on machine', name)
    run.normal("Created", f"Created container: {name}", name)


def _refused(run: PodRun, state: ContainerState, error: PlanError, now: float) -> None:
    """It can't be planned now; what it lacks may come."""
    reason = error.reason
    if reason in {MOUNT_ERROR, SANDBOX_ERROR}:
        run.warning(reason, error.message)
        reason, shown = state.reason, ""
    else:
        shown = error.message
        if reason == "ErrImageNeverPull":
            run.warning(reason, error.message, state.name)
        run.warning("Failed", f"Error: {reason if reason == 'ErrImageNeverPull' else error.message}", state.name)
    run.set_state(waiting(state, reason or "ContainerCreating", shown, now + _RETRY_SECONDS))


def _failed(run: PodRun, state: ContainerState, words: str, now: float) -> None:
    """It was to start and didn't: an end like any other, with its back-off."""
    attempt = state.attempt + 1
    run.warning("Failed", f"Error: failed to start container {state.name}: {words}", state.name)
    end = Ended(exit_code=_START_ERROR, signal=0, started=0.0, finished=now, reason="StartError", message=words,
                container_id=run.container_id(state.name, attempt))  # fmt: skip
    run.set_state(ended(replace(state, attempt=attempt), end))
