"""Small programs for tests and first steps, as the images `tejer/echo` and friends: `python -m ...tools echo`."""

from __future__ import annotations

import json
import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Echo(BaseHTTPRequestHandler):
    """Answers every request with a JSON description of it."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = {
            "hostname": socket.gethostname(),
            "version": os.environ.get("VERSION", ""),
            "method": self.command,
            "path": self.path,
            "client": self.client_address[0],
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.rfile.read(length).decode(errors="replace"),
        }
        raw = (json.dumps(body) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _answer


def main(arguments: list[str]) -> int:
    """`echo`: an HTTP server on $PORT (8080)."""
    if arguments != ["echo"]:
        sys.stderr.write("usage: tools echo\n")
        return 2
    port = int(os.environ.get("PORT", "8080"))
    server = ThreadingHTTPServer(("", port), _Echo)
    server.daemon_threads = True
    sys.stdout.write(f"listening on {port}\n")
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
