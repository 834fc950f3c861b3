"""Starting, finding and removing an embedded cluster. Blocking code for commands; nothing here prints.

Every failure is a RuntimeError of one line: what is wrong and what to do.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tejer.cluster.config import ClusterConfig, load_config
from tejer.cluster.processes import Process, end_processes, is_daemon, processes_of, read_process

START_TIMEOUT = 30.0
END_GRACE, CLEAN_END_GRACE = 1.0, 10.0
"""Seconds that containers have to end by themselves: the longer one where their data will be read again."""
_STOP_WAIT, _KILL_WAIT = 5.0, 2.0
_KEPT = ("store.db", "store.db-wal", "store.db-shm", "volumes", "pki", "config.json")


class Started(NamedTuple):
    """`running_before`: the cluster's process was there already. `seconds` until it answered."""

    pid: int
    running_before: bool
    seconds: float


def choose_config(home: Path, changes: dict[str, str | int]) -> ClusterConfig:
    """The saved settings of `home` (else the defaults) with `changes`, saved.

    A running cluster keeps its settings: asking for others is an error.
    """
    try:
        saved = load_config(home)
        before = saved or ClusterConfig(home=home.absolute())
        config = before.with_changes(**changes)
    except ValueError as error:
        raise RuntimeError(str(error)) from error
    except OSError as error:
        raise RuntimeError(_cannot_write(home, error)) from error
    if saved is not None and config != saved and daemon_of(saved) is not None:
        differing = [name for name, value in changes.items() if getattr(saved, name) != value]
        options = ", ".join(f"--{name.replace('_', '-')}" for name in differing)
        raise RuntimeError(f"the cluster is running with other settings ({options}): run `tejer down` first")
    if config.api_port == 0:
        config = replace(config, api_port=_free_port())
    try:
        config.save()
    except OSError as error:
        raise RuntimeError(_cannot_write(home, error)) from error
    return config


def daemon_of(config: ClusterConfig) -> Process | None:
    """The cluster's process if it lives."""
    return read_process(config.pid_path)


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Only one `tejer up` or `tejer down` per cluster at a time; the kernel gives the lock back however we end."""
    path = home / "command.lock"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RuntimeError(_cannot_write(home, error)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.read(descriptor, 64).decode(errors="replace").strip() or "?"
        os.close(descriptor)
        raise RuntimeError(
            f"another `tejer up` or `tejer down` (pid {other}) is at work on {home}: wait until it has finished"
        ) from None
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def start(
    config: ClusterConfig, timeout: float = START_TIMEOUT, meanwhile: Callable[[], object] = lambda: None
) -> Started:
    """Start the cluster's process unless it runs, and wait until the API server answers and pods can run.

    `meanwhile` is called once between the two: work of the caller's that needn't wait for the cluster.
    """
    began = time.monotonic()
    running = daemon_of(config)
    if running is not None:
        _wait_for_answer(config, running, timeout)
        return Started(running.pid, True, time.monotonic() - began)
    if taken := taken_port(config.api_port, "--api-port"):
        raise RuntimeError(f"{taken} (0 takes a free one)")
    reading, writing = os.pipe()
    try:
        try:
            daemon = _spawn(config, writing)
        finally:
            os.close(writing)
        meanwhile()
        line = _first_line(reading, timeout)
    except OSError as error:
        raise RuntimeError(_cannot_write(config.home, error)) from error
    finally:
        os.close(reading)
    word, _, rest = line.partition(" ")
    if word == "ready":
        return Started(daemon.pid, False, time.monotonic() - began)
    if word == "error":
        daemon.wait(_KILL_WAIT)
        raise RuntimeError(rest)
    if daemon.poll() is None:
        daemon.kill()
        raise RuntimeError(f"the cluster did not start within {timeout:.0f} s: see {config.daemon_log}")
    raise RuntimeError(f"the cluster's process ended at once: {_last_line(config.daemon_log)} ({config.daemon_log})")


def _wait_for_answer(config: ClusterConfig, running: Process, timeout: float) -> None:
    """It may have been started by a `tejer up` that was interrupted, and be on its way still."""
    until = time.monotonic() + timeout
    while True:
        try:
            with socket.create_connection(("127.0.0.1", config.api_port), timeout=1.0):
                return
        except OSError:
            if time.monotonic() > until:
                raise RuntimeError(
                    f"the cluster's process (pid {running.pid}) does not answer at {config.api_url}: see "
                    f"{config.daemon_log}, then run `kill -9 {running.pid}` and `tejer up`; pods go on meanwhile"
                ) from None
            time.sleep(0.1)


def stop(config: ClusterConfig, grace: float = END_GRACE) -> None:
    """End the cluster's process, its pods and its network. Idempotent; works also after a `kill -9` of all of it.

    Containers get SIGTERM and up to `grace` seconds, then SIGKILL.
    """
    from tejer.cluster.runtime.goodbye import ask_to_end
    from tejer.cluster.runtime.teardown import teardown

    # The daemon first: it would start pods again.
    try:
        daemons = [process for process in processes_of(config) if is_daemon(process.pid, config)]
        end_processes(end_processes(daemons, signal.SIGTERM, _STOP_WAIT), signal.SIGKILL, _KILL_WAIT)
        ask_to_end(config.pods_dir.glob("*"), grace)
        teardown(config)
    except PermissionError as error:
        raise RuntimeError(f"the cluster can't be ended: {error.strerror}; run `tejer down` as root") from error
    except OSError as error:
        raise RuntimeError(f"the cluster's network can't be removed: {error}") from error
    if left := processes_of(config):
        pids = ", ".join(str(process.pid) for process in left)
        raise RuntimeError(f"these processes of the cluster can't be ended: {pids}")


def anything_left(config: ClusterConfig) -> bool:
    """Whether something of the cluster runs, also when its home has been deleted."""
    from tejer.cluster.network.setup import HostNetwork

    return bool(processes_of(config)) or HostNetwork(config).exists()


def remove(config: ClusterConfig, *, keep_data: bool = False) -> None:
    """After `stop`: take away the kubeconfig context and the files. Idempotent."""
    from tejer.cluster.kubeconfig import remove_context

    try:
        remove_context(config)
    except (OSError, ValueError) as error:
        raise RuntimeError(f"the kubeconfig could not be cleaned: {error}") from error
    finally:
        _remove_files(config, keep_data=keep_data)


def _remove_files(config: ClusterConfig, *, keep_data: bool) -> None:
    """Only what is the cluster's own: a home may be a directory that was there before."""
    own = [
        config.pods_dir, config.logs_dir, config.pid_path, config.lock_path, config.admin_kubeconfig,
        config.config_path, config.pki_dir, config.volumes_dir, config.home / "forwards",
        config.home / "kubeconfig.json", config.home / "command.lock", *config.home.glob("store.db*"),
    ]  # fmt: skip
    for path in own:
        if keep_data and path.name in _KEPT:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    if not keep_data:
        try:
            config.home.rmdir()
        except OSError:
            return  # something of the user's is in it


def _spawn(config: ClusterConfig, ready: int) -> subprocess.Popen[bytes]:
    config.logs_dir.mkdir(mode=0o700, exist_ok=True)
    with config.daemon_log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tejer.cluster.daemon", str(config.home), str(ready)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            pass_fds=(ready,),
            start_new_session=True,
        )


def _first_line(reading: int, timeout: float) -> str:
    """What the daemon says first; "" when it says nothing in time or ends."""
    until = time.monotonic() + timeout
    text = b""
    while b"\n" not in text:
        left = until - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            return ""
        chunk = os.read(reading, 4096)
        if not chunk:
            return ""
        text += chunk
    return text.split(b"\n", 1)[0].decode(errors="replace")


def taken_port(port: int, option: str) -> str:
    """Who has the port and what to do about it, in one line; "" when it is free. `option` is `tejer up`'s for it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return f"port {port} needs privileges: choose one above 1023 with {option} N"
        except OSError:
            from tejer.cluster.ports import owner_of_port

            owner = owner_of_port(port)
            by = f" by {owner}" if owner else ""
            return f"port {port} on 127.0.0.1 is taken{by}: stop that, or choose another with {option} N"
    return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _cannot_write(home: Path, error: OSError) -> str:
    return f"cannot write to {home}: {error.strerror or error}; free some space or choose another place with --home"


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").strip().splitlines()
    except OSError:
        return "no log"
    return lines[-1] if lines else "it logged nothing"
