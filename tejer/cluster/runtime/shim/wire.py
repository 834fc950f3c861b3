"""Frames between the node agent and a shim: 4 bytes little-endian length, then a marshalled dict.

marshal, not JSON: it is part of the interpreter, while importing json costs every pod start 15 ms and every shim
0.9 MB. Its format version is pinned, so a shim that outlives an upgrade of Python still understands its agent. Both
ends are ours and the socket is 0600 in a 0700 directory. Only str keys; values are bool, int, float, str, bytes,
None, lists and dicts of those.
"""

from __future__ import annotations

import marshal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Message: TypeAlias = dict[str, Any]
else:
    Message = dict

_VERSION = 2
LONGEST = 16 * 1024 * 1024


def encode(message: Message) -> bytes:
    body = marshal.dumps(message, _VERSION)
    return len(body).to_bytes(4, "little") + body


class Decoder:
    """Bytes in, whole messages out. Raises ValueError for a frame that cannot be ours."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        self._buffer += data
        messages: list[Message] = []
        while len(self._buffer) >= 4:
            length = int.from_bytes(self._buffer[:4], "little")
            if length > LONGEST:
                raise ValueError(f"frame of {length} bytes; the longest allowed is {LONGEST}")
            if len(self._buffer) < 4 + length:
                break
            message = marshal.loads(bytes(self._buffer[4 : 4 + length]))  # noqa: S302 (see the module's docstring)
            del self._buffer[: 4 + length]
            if not isinstance(message, dict):
                raise ValueError(f"frame holds {type(message).__name__}, not a dict")
            messages.append(message)
        return messages
