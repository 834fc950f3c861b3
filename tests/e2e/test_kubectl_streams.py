"""Stock kubectl's logs, exec, cp and port-forward, over WebSocket and SPDY, at an API server with a stand-in node."""

from __future__ import annotations

import http.server
import os
import re
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tejer.kube.resource import Body
from tejer.kube.types import PODS, SERVICEACCOUNTS
from tests.e2e.apiserver import Kubectl, RunningServer, running_server
from tests.e2e.local_backend import LocalBackend
from tests.e2e.test_kubectl_api import BINARIES

pytestmark = pytest.mark.skipif(not BINARIES, reason="no kubectl found: `make test-deps` installs one")
TRANSPORTS = ("default", "spdy")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("apiserver")) as running:
        running.server.backend = LocalBackend()
        api = running.server.local("system:tester")
        meta = {"name": "default", "namespace": "default"}
        running.call(api.create(SERVICEACCOUNTS, {"metadata": meta}))
        pod: Body = {
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"containers": [{"name": "main", "image": "x"}], "nodeName": "tejer"},
        }
        running.call(api.create(PODS, pod))
        status = {"phase": "Running", "containerStatuses": [{"name": "main", "ready": True, "image": "x", "imageID": "",
                  "restartCount": 0, "state": {"running": {}}}]}  # fmt: skip
        running.call(api.patch(PODS, "web", "default", {"status": status}, subresource="status"))
        yield running


@pytest.fixture(scope="module", params=[(name, way) for name in sorted(BINARIES) for way in TRANSPORTS], ids="-".join)
def kubectl(request: pytest.FixtureRequest, server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    name, way = request.param
    made = Kubectl(BINARIES[name], server.kubeconfig(), tmp_path_factory.mktemp("cache"))
    if way == "spdy":
        made.environment = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
    return made


def test_logs(kubectl: Kubectl) -> None:
    assert kubectl("logs", "web") == "one\ntwo\nthree\n"
    assert kubectl("logs", "web", "-c", "main", "--tail=1") == "three\n"
    assert kubectl("logs", "-f", "web", "--tail=1") == "three\nfollowed\n"
    assert "not found" in kubectl.fails("logs", "nothing")


def test_exec_gives_output_and_exit_code(kubectl: Kubectl) -> None:
    done = kubectl.run("exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.returncode) == ("out\n", 7)
    assert done.stderr.startswith("err\n")
    assert kubectl("exec", "web", "-c", "main", "--", "echo", "fine") == "fine\n"


def test_exec_carries_megabytes_both_ways(kubectl: Kubectl) -> None:
    data = "0123456789abcdef" * 65536 * 3
    assert kubectl("exec", "-i", "web", "--", "cat", stdin=data) == data


def test_cp(kubectl: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "from").write_text("content")
    kubectl("cp", str(tmp_path / "from"), f"web:{tmp_path}/to")
    assert (tmp_path / "to").read_text() == "content"
    kubectl("cp", f"web:{tmp_path}/to", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "content"


def test_port_forward(kubectl: Kubectl, tmp_path: Path) -> None:
    page = "x" * 300_000
    (tmp_path / "page").write_text(page)

    class Files(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, format: str, *args: object) -> None:
            pass

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    forward = subprocess.Popen(
        kubectl.command("port-forward", "pod/web", f":{web.server_port}"), stdout=subprocess.PIPE, text=True,
        env={**os.environ, **kubectl.environment},
    )  # fmt: skip
    assert forward.stdout is not None
    try:
        found = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
        assert found
        for _ in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/page", timeout=10) as answer:
                assert answer.read().decode() == page
    finally:
        forward.kill()
        forward.wait()
        forward.stdout.close()
        web.shutdown()
        web.server_close()
        thread.join()
