"""What a stranger may send. Each limit is told to who passes it."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """Bytes, counts and seconds. Bodies count after decompression too."""

    body: int = 8 << 20
    span: int = 1 << 20
    record: int = 64 << 10
    """Of one log record."""
    attributes: int = 256
    """Of one span; the rest is left out and counted."""
    text: int = 1024
    """Characters of the name of a span or service."""
    depth: int = 8
    """Of lists and maps in one another."""
    seconds: float = 30.0
    """To send a body in."""
    held: int = 64 << 20
    """Of all bodies that are being received and decoded."""


LIMITS = Limits()
