"""`python -m tejer.observe.metrics.reload`: the container `config-reloader` beside the server.

Watches directories of configuration (a mounted ConfigMap changes by its link `..data`) and asks the server to reload
when their content changed; a server that doesn't answer, or refuses, is asked again. Stdlib only: it lives for months
beside every server. Source: prometheus-operator's prometheus-config-reloader, whose flags it takes.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

log = logging.getLogger("tejer.config-reloader")

INTERVAL = 5.0
LONGEST = 60.0
TIMEOUT = 30.0
TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


def fingerprint(directories: Sequence[Path]) -> str:
    """A digest of every file's name and content; a file that goes meanwhile counts as gone."""
    digest = hashlib.sha256()
    for directory in directories:
        for path in sorted(directory.iterdir()) if directory.is_dir() else ():
            try:
                if path.name.startswith("..") or not path.is_file():
                    continue  # `..data` and its versions: the files beside them are links into it
                content = path.read_bytes()
            except OSError:
                continue
            digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def ask(url: str, token: Path = TOKEN) -> str:
    """POST to `url`; "" when the server did it, else what it said."""
    parts = urlsplit(url)
    headers = {}
    with contextlib.suppress(OSError):  # not in a pod: the server by hand asks for none
        headers["Authorization"] = f"Bearer {token.read_text().strip()}"
    connection = http.client.HTTPConnection(parts.hostname or "localhost", parts.port, timeout=TIMEOUT)
    try:
        connection.request("POST", parts.path, headers=headers)
        answer = connection.getresponse()
        text = answer.read(2000).decode(errors="replace").strip()
        return "" if answer.status == 200 else f"{answer.status} {text}"
    except (OSError, http.client.HTTPException) as error:
        return f"{url}: {error}"
    finally:
        connection.close()


class Reloader:
    """`step` looks once; returns the seconds until the next look."""

    def __init__(self, directories: Sequence[Path], url: str, token: Path = TOKEN) -> None:
        self._directories, self._url, self._token = directories, url, token
        self._loaded = fingerprint(directories)  # what the server has read at its start
        self._failures = 0

    def step(self) -> float:
        now = fingerprint(self._directories)
        if now == self._loaded:
            return INTERVAL
        problem = ask(self._url, self._token)
        if not problem:
            log.info("the configuration changed and was reloaded")
            self._loaded, self._failures = now, 0
            return INTERVAL
        self._failures += 1
        delay = min(LONGEST, INTERVAL * float(2 ** min(self._failures - 1, 6)))
        log.warning("the configuration changed but was not reloaded, asking again in %.0f s: %s", delay, problem)
        return delay


def main() -> int:
    parser = argparse.ArgumentParser(prog="config-reloader", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--watched-dir", action="append", required=True, metavar="DIR", type=Path)
    parser.add_argument("--reload-url", default="http://127.0.0.1:9090/-/reload", metavar="URL")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    reloader = Reloader(options.watched_dir, options.reload_url)
    while not stopped.wait(reloader.step()):
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
