"""What a set of processes costs, read from /proc: memory as PSS, CPU as user plus system time."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    command: str
    """The whole command line, separated by spaces."""
    cpu_seconds: float


def snapshot() -> dict[int, Process]:
    """All processes now; those that end meanwhile are left out."""
    found: dict[int, Process] = {}
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The command name may hold spaces and parentheses: fields start after the last ")".
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
        except (FileNotFoundError, ProcessLookupError):
            continue
        cpu = (int(fields[11]) + int(fields[12])) / TICKS
        found[int(entry.name)] = Process(int(entry.name), int(fields[1]), command, cpu)
    return found


def tree(roots: Iterable[int], processes: dict[int, Process]) -> list[Process]:
    """The roots and everything below them."""
    children: dict[int, list[int]] = defaultdict(list)
    for process in processes.values():
        children[process.parent].append(process.pid)
    todo, seen = list(roots), dict[int, Process]()
    while todo:
        pid = todo.pop()
        if pid in processes and pid not in seen:
            seen[pid] = processes[pid]
            todo += children[pid]
    return list(seen.values())


def pss_megabytes(pid: int) -> float:
    """Proportional set size: shared pages are divided among those who share them. 0 for a process that ended."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    for line in lines:
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
