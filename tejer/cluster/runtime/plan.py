"""A pod's containers as values: `plan_container` says all there is to know to start one. Pure.

`launch_message` puts a plan into the shim's words. Nothing here assumes that we are root: who may do what is decided
where a plan is applied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

import msgspec

from tejer.cluster.runtime.env import environment, expand
from tejer.cluster.runtime.etc import hosts_file, passwd_file, resolv_conf
from tejer.cluster.runtime.identity import Identity, identity
from tejer.cluster.runtime.images import IMAGES_CONFIG_MAP, resolve
from tejer.cluster.runtime.inputs import CONFIG_ERROR, Host, Inputs, PlanError
from tejer.kube.kinds.core import Container, Pod

DEFAULT_MESSAGE_PATH = "/dev/termination-log"


class Role(Enum):
    """INIT runs to its end before the next; SIDECAR is an init container that stays (restartPolicy Always)."""

    INIT = "init"
    SIDECAR = "sidecar"
    MAIN = "main"


@dataclass(frozen=True, slots=True)
class Mount:
    """`volume` (with `sub_path` inside it) appears at `target` of the container."""

    volume: str
    target: str
    sub_path: str = ""
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlan:
    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    who: Identity
    mounts: tuple[Mount, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    read_only_root: bool = False
    tty: bool = False
    stdin: bool = False
    message_path: str = DEFAULT_MESSAGE_PATH
    digest: str = ""


def containers_of(pod: Pod) -> tuple[tuple[Role, Container], ...]:
    """In the order they start."""
    first = [(Role.SIDECAR if c.restart_policy == "Always" else Role.INIT, c) for c in pod.spec.init_containers]
    return (*first, *((Role.MAIN, container) for container in pod.spec.containers))


def hostname_of(pod: Pod) -> str:
    return (pod.spec.hostname or pod.metadata.name)[:63].rstrip("-.")


def plan_container(pod: Pod, container: Container, inputs: Inputs) -> ContainerPlan:
    """Raises PlanError: its reason and message are those of the container's waiting state."""
    images = inputs.config_maps.get(IMAGES_CONFIG_MAP, {}).get("data") or {}
    image = resolve(container.image, container.name, pod.metadata.annotations, images, inputs.host.python)
    who = identity(pod, container, image.user)
    env = environment(pod, container, _image_env(inputs.host, who, hostname_of(pod)), inputs)
    command = tuple(expand(word, env) for word in container.command) or image.entrypoint
    rest = container.args or (() if container.command else image.arguments)
    argv = (*command, *(expand(word, env) for word in rest))
    if not argv:
        raise PlanError(CONFIG_ERROR, f"no command specified: image {container.image} has none of its own")
    context = container.security_context
    return ContainerPlan(
        name=container.name,
        argv=argv,
        env=env,
        cwd=container.working_dir or "/",
        who=who,
        mounts=_mounts(container, env),
        files={
            "/etc/resolv.conf": resolv_conf(pod, inputs),
            "/etc/hosts": hosts_file(pod, hostname_of(pod), inputs),
            "/etc/hostname": hostname_of(pod).encode() + b"\n",
            "/etc/passwd": passwd_file(inputs.host.users, who),
            "/etc/shadow": b"",
        },
        read_only_root=bool(context and context.read_only_root_filesystem),
        tty=bool(container.tty),
        stdin=bool(container.stdin),
        message_path=container.termination_message_path or DEFAULT_MESSAGE_PATH,
        digest=hashlib.sha256(msgspec.json.encode(container)).hexdigest()[:16],
    )


def _image_env(host: Host, who: Identity, hostname: str) -> dict[str, str]:
    env = {
        "PATH": host.path,
        "HOME": "/root" if who.uid == 0 else "/tmp",  # noqa: S108 (inside the container, its own)
        "HOSTNAME": hostname,
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",  # the root's writable layer is memory
        "PYTHONUNBUFFERED": "1",
    }
    return {**env, "PYTHONPATH": host.pythonpath} if host.pythonpath else env


def _mounts(container: Container, env: Mapping[str, str]) -> tuple[Mount, ...]:
    mounts = []
    for mount in container.volume_mounts:
        sub_path = mount.sub_path or expand(mount.sub_path_expr, env)
        if ".." in PurePosixPath(sub_path).parts or sub_path.startswith("/"):
            raise PlanError(CONFIG_ERROR, f"volumeMounts {mount.name}: subPath {sub_path} must stay inside the volume")
        mounts.append(Mount(mount.name, mount.mount_path, sub_path, bool(mount.read_only)))
    return tuple(sorted(mounts, key=lambda each: each.target.count("/")))


def launch_message(
    plan: ContainerPlan, host: Host, *, attempt: int, scratch: str, log: str, message: str, sources: Mapping[str, str]
) -> dict[str, Any]:
    """The shim's `start` order. `sources`: each volume's directory on the host; `message`: the termination log file."""
    mounts = [
        {
            "source": f"{sources[mount.volume]}/{mount.sub_path}" if mount.sub_path else sources[mount.volume],
            "inside": sources[mount.volume],
            "target": mount.target,
            "readonly": mount.read_only,
        }
        for mount in plan.mounts
    ]
    mounts.append({"source": message, "target": plan.message_path, "readonly": False})
    fresh = [["/run", "755"], ["/var/tmp", "1777"]] + ([["/tmp", "1777"]] if host.fresh_tmp else [])  # noqa: S108
    return {
        "name": plan.name, "attempt": attempt, "digest": plan.digest, "argv": list(plan.argv), "env": dict(plan.env),
        "cwd": plan.cwd, "uid": plan.who.uid, "gid": plan.who.gid, "groups": list(plan.who.groups),
        "capabilities": list(plan.who.capabilities), "no_new_privileges": plan.who.no_new_privileges,
        "tty": plan.tty, "stdin": plan.stdin, "log": log,
        "root": {
            "scratch": scratch, "overlay": host.overlay,
            "submounts": list(host.submounts), "hide": list(host.hidden), "tmpfs": fresh,
            "passable": list(host.passable), "files": dict(plan.files), "mounts": mounts,
            "readonly": plan.read_only_root,
        },
    }  # fmt: skip
