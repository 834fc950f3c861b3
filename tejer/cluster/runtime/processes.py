"""Is a process that a state file names still that process? Pids are reused; (pid, start time) is not."""

from __future__ import annotations

from pathlib import Path

_ZOMBIE = ("Z", "X")


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third on (the second may hold spaces and brackets), [] without the process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, ValueError):
        return []
    return text.rpartition(")")[2].split()


def start_time(pid: int) -> int:
    """Field 22 of /proc/PID/stat, in clock ticks since boot; 0 when there is no such process."""
    fields = _stat(pid)
    return int(fields[19]) if len(fields) > 19 else 0


def alive(pid: int, started: int) -> bool:
    """Whether the process that had `pid` and start time `started` still runs (a zombie doesn't)."""
    fields = _stat(pid)
    return len(fields) > 19 and fields[0] not in _ZOMBIE and int(fields[19]) == started
