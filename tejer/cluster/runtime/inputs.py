"""What planning may look at besides the pod: the machine, and the objects that pods refer to. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tejer.kube.resource import Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """This machine as containers need it. Directories are absolute paths.

    `submounts`: other file systems mounted under /. `passable`: directories on the way to the interpreter.
    `hidden`: what no container may see. `overlay` False keeps to bind mounts. `users` is /etc/passwd. `cpus` counts
    cores, `memory` is in bytes.
    """

    python: str
    path: str
    pythonpath: str
    submounts: tuple[str, ...] = ()
    passable: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    fresh_tmp: bool = True
    overlay: bool = True
    users: bytes = b""
    cpus: int = 1
    memory: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """`config_maps` and `secrets` by (namespace, name); `services` all of the cluster's."""

    host: Host
    node_name: str
    host_ip: str
    pod_ip: str
    dns_ip: str
    cluster_domain: str
    kubernetes_ip: str
    config_maps: Mapping[tuple[str, str], Body] = field(default_factory=dict)
    secrets: Mapping[tuple[str, str], Body] = field(default_factory=dict)
    services: tuple[Body, ...] = ()


class PlanError(Exception):
    """A container that cannot be planned (yet). `reason` is the waiting state's, e.g. CreateContainerConfigError."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


CONFIG_ERROR = "CreateContainerConfigError"
