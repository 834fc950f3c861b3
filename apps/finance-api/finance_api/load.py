"""A steady, bounded load that keeps the dashboards alive: accounts, transfers, balances at LOAD_RPS requests a second.

It calls TARGET (default http://finance-api:8000) through its sidecar like any client, prints a line every ten seconds,
and never stops on an error: an error is what the mesh's metrics are there to show.
"""

from __future__ import annotations

import http.client
import itertools
import json
import logging
import os
import random
import signal
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

log = logging.getLogger("load")

STEPS = ("GET /accounts?limit=10", "POST /transfers", "GET /accounts/{id}/balance", "GET /version")


class Client:
    """One keep-alive connection, opened again after a failure."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname or "finance-api", parts.port or 80
        self._connection: http.client.HTTPConnection | None = None

    def call(self, method: str, path: str, body: object = None) -> tuple[str, bytes]:
        """(status, body); the status of a failed connection is "error"."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=5)
            data = None if body is None else json.dumps(body).encode()
            self._connection.request(method, path, data, {"content-type": "application/json"})
            response = self._connection.getresponse()
            return str(response.status), response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return "error", b""

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def ensure_accounts(client: Client, wanted: int = 2) -> list[int]:
    """Ids of at least `wanted` accounts, opened if they are missing; empty while the service does not answer."""
    status, data = client.call("GET", "/accounts?limit=10")
    if status != "200":
        return []
    ids = [int(row["id"]) for row in json.loads(data) if row["currency"] == "EUR"]
    while len(ids) < wanted:
        status, data = client.call("POST", "/accounts", {"owner": f"load-{len(ids)}", "balance": "1000000.00"})
        if status != "201":
            return []
        ids.append(int(json.loads(data)["id"]))
    return ids


def step(client: Client, name: str, ids: list[int]) -> str:
    method, path = name.split(" ", 1)
    if path == "/transfers":
        source, target = random.sample(ids, 2)
        return client.call(method, path, {"from_account": source, "to_account": target, "amount": "0.01"})[0]
    return client.call(method, path.replace("{id}", str(ids[0])))[0]


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    target = os.environ.get("TARGET", "http://finance-api:8000")
    rate = float(os.environ.get("LOAD_RPS", "5"))
    if not 0 < rate <= 1000:
        log.error("LOAD_RPS is %s; use a number above 0 and up to 1000", rate)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    client, seen, reported, ids = Client(target), Counter[str](), time.monotonic(), list[int]()
    due = time.monotonic()
    for name in itertools.cycle(STEPS):
        if not ids and not (ids := ensure_accounts(client)):
            time.sleep(1)
            continue
        seen[step(client, name, ids)] += 1
        if time.monotonic() - reported > 10:
            log.info(" ".join(f"{status}={count}" for status, count in sorted(seen.items())))
            seen.clear()
            reported = time.monotonic()
        due = max(due + 1 / rate, time.monotonic() - 1)
        time.sleep(max(0.0, due - time.monotonic()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
