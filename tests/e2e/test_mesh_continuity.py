"""The sample under load while parts of it, or the cluster's own process, are replaced: no request may fail."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.shell import Shell

pytestmark = pytest.mark.e2e


@contextmanager
def load(url: str) -> Iterator[Counter[str]]:
    """Requests one after the other while the block runs; counts answers by status or error."""
    counts: Counter[str] = Counter()
    done = threading.Event()

    def send() -> None:
        while not done.is_set():
            try:
                with urllib.request.urlopen(url, timeout=10) as answer:
                    counts[str(answer.status)] += 1
            except urllib.error.HTTPError as error:
                counts[f"{error.code} {error.read(200).decode(errors='replace')}"] += 1
                error.close()
            except OSError as error:
                counts[repr(error)] += 1
            time.sleep(0.005)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield counts
    finally:
        done.set()
        sender.join()


def status(shell: Shell) -> Any:
    return json.loads(shell.run("tejer status -o json").out)


def test_a_rolling_restart_fails_no_request(mesh: Shell) -> None:
    deployments = "deployment/finance-api-v1 deployment/finance-api-v2"
    with load(f"{mesh.env['HTTP']}/version") as counts:
        time.sleep(0.5)
        mesh.ok(f"kubectl rollout restart -n finance-app {deployments}")
        for name in deployments.split():
            mesh.ok(f"kubectl rollout status -n finance-app {name} --timeout=90s")
        old_gone = "kubectl get pods -n finance-app -l app=finance-api --no-headers"
        mesh.until(old_gone, lambda result: len(result.out.splitlines()) == 2, seconds=60)
    assert set(counts) == {"200"}, counts
    assert counts["200"] > 20


def test_ingress_and_sidecars_do_not_notice_the_clusters_process(mesh: Shell) -> None:
    with load(f"{mesh.env['HTTP']}/version") as counts:
        time.sleep(0.5)
        os.kill(status(mesh)["process"]["pid"], signal.SIGKILL)
        time.sleep(2)
        assert status(mesh)["podsWithoutProcess"]
        assert counts["200"] > 20
        mesh.ok("tejer up --bare $UP")
        mesh.ok("kubectl wait pods --all -n finance-app --for=condition=Ready --timeout=60s")
        time.sleep(2)
    assert set(counts) == {"200"}, counts
    restarts = "jsonpath='{.items[*].status.containerStatuses[*].restartCount}'"
    assert set(mesh.ok(f"kubectl get pods -n finance-app -o {restarts}").split()) == {"0"}
