"""As whom a container runs: uid, groups, capabilities. Pure.

Stricter than Kubernetes by default, since a container here sees the host's programs: no capabilities at all unless
added, and no_new_privs unless `allowPrivilegeEscalation: true` is written. Source: capabilities(7) for the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from tejer.cluster.runtime.inputs import CONFIG_ERROR, PlanError
from tejer.kube.kinds.core import Container, Pod, PodSecurityContext, SecurityContext

CAPABILITIES = {
    name: number
    for number, name in enumerate(
        [
            "CHOWN",
            "DAC_OVERRIDE",
            "DAC_READ_SEARCH",
            "FOWNER",
            "FSETID",
            "KILL",
            "SETGID",
            "SETUID",
            "SETPCAP",
            "LINUX_IMMUTABLE",
            "NET_BIND_SERVICE",
            "NET_BROADCAST",
            "NET_ADMIN",
            "NET_RAW",
            "IPC_LOCK",
            "IPC_OWNER",
            "SYS_MODULE",
            "SYS_RAWIO",
            "SYS_CHROOT",
            "SYS_PTRACE",
            "SYS_PACCT",
            "SYS_ADMIN",
            "SYS_BOOT",
            "SYS_NICE",
            "SYS_RESOURCE",
            "SYS_TIME",
            "SYS_TTY_CONFIG",
            "MKNOD",
            "LEASE",
            "AUDIT_WRITE",
            "AUDIT_CONTROL",
            "SETFCAP",
            "MAC_OVERRIDE",
            "MAC_ADMIN",
            "SYSLOG",
            "WAKE_ALARM",
            "BLOCK_SUSPEND",
            "AUDIT_READ",
            "PERFMON",
            "BPF",
            "CHECKPOINT_RESTORE",
        ]
    )
}


@dataclass(frozen=True, slots=True)
class Identity:
    uid: int
    gid: int
    groups: tuple[int, ...]
    capabilities: tuple[int, ...]
    no_new_privileges: bool


def identity(pod: Pod, container: Container, image_user: int) -> Identity:
    """Container settings before pod settings before the image's user. Raises PlanError for what can't be granted."""
    outer = pod.spec.security_context or PodSecurityContext()
    inner = container.security_context or SecurityContext()
    uid = _first(inner.run_as_user, outer.run_as_user, image_user)
    gid = _first(inner.run_as_group, outer.run_as_group, uid if uid == image_user else 0)
    non_root = _first(inner.run_as_non_root, outer.run_as_non_root, False)
    if non_root and uid == 0:
        raise PlanError(CONFIG_ERROR, "container has runAsNonRoot and image will run as root")
    extra = (*outer.supplemental_groups, *((outer.fs_group,) if outer.fs_group else ()))
    return Identity(
        uid=uid,
        gid=gid,
        groups=tuple(sorted({int(group) for group in extra})),
        capabilities=_capabilities(container),
        no_new_privileges=not (inner.allow_privilege_escalation or inner.privileged),
    )


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)


def _capabilities(container: Container) -> tuple[int, ...]:
    context = container.security_context
    if context is None:
        return ()
    if context.privileged:
        return tuple(CAPABILITIES.values())
    names = {name.upper().removeprefix("CAP_") for name in (context.capabilities.add if context.capabilities else ())}
    dropped = {
        name.upper().removeprefix("CAP_") for name in (context.capabilities.drop if context.capabilities else ())
    }
    if "ALL" in names:
        names = set(CAPABILITIES)
    unknown = sorted(names - set(CAPABILITIES))
    if unknown:
        raise PlanError(CONFIG_ERROR, f"securityContext.capabilities.add: unknown capability {unknown[0]}")
    return tuple(sorted(CAPABILITIES[name] for name in names - (dropped - {"ALL"})))
