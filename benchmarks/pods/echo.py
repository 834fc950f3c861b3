"""The smallest HTTP/1.1 server that keeps connections open, so that what is measured is the way to it.

python -m benchmarks.pods.echo PORT
"""

from __future__ import annotations

import asyncio
import sys

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nok"


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.waiting = transport, b""

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        # Requests of the benchmark have no body: each ends with its headers.
        *requests, self.waiting = self.waiting.split(b"\r\n\r\n")
        self.transport.write(ANSWER * len(requests))


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "0.0.0.0", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
