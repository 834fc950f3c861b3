"""Asks for a URL again and again and prints a line `VALUE TIME` whenever the answer's header changes.

    python -m benchmarks.pods.watch_header URL HEADER SECONDS

TIME is the machine's monotonic clock in seconds, which all pods share, at the moment the answer came.
"""

from __future__ import annotations

import http.client
import sys
import time
from urllib.parse import urlsplit


def main(url: str, header: str, seconds: float) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=5)
    last, until = "", time.monotonic() + seconds
    while time.monotonic() < until:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        response.read()
        value = response.getheader(header, "none")
        if value != last:
            print(value, time.monotonic(), flush=True)
            last = value
        time.sleep(0.002)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
