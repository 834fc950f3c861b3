"""`python -m tejer.observe.access.link SERVICE USER-AS-JSON`: prints a one-time code of the server in this container.

Run by `tejer dashboard` through exec. The code goes to standard output alone and is good for one login.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from tejer.observe.access.linkdoor import MAX_LINE, SECONDS, socket_path


async def ask(path: Path, wanted: bytes) -> str:
    """A new code from the server whose door is `path`. Raises OSError or ValueError saying what is wrong."""
    async with asyncio.timeout(2 * SECONDS):
        reader, writer = await asyncio.open_unix_connection(path, limit=MAX_LINE)
        try:
            writer.write(wanted.replace(b"\n", b" ") + b"\n")
            await writer.drain()
            answer = msgspec.json.decode(await reader.readline() or b"{}", type=dict[str, str])
        finally:
            writer.close()
    if "code" not in answer:
        raise ValueError(answer.get("error", "the server gave no code"))
    return answer["code"]


def main() -> int:
    if len(sys.argv) != 3:
        sys.stderr.write("usage: python -m tejer.observe.access.link SERVICE USER-AS-JSON\n")
        return 64
    try:
        code = asyncio.run(ask(socket_path(sys.argv[1]), sys.argv[2].encode()))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"no link from {sys.argv[1]}: {error or type(error).__name__}\n")
        return 1
    sys.stdout.write(f"{code}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
