"""The wheel alone, in an empty virtual environment, gives the cluster, the mesh and the sample."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clusters import private_shell, take_down
from tests.e2e.shell import BIN, ROOT, Shell

pytestmark = pytest.mark.e2e

GATEWAY = "cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"
CLIENT = "cluster.local/ns/finance-app/sa/load-generator"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A terminal in an empty directory where only the wheel is installed."""
    home = tmp_path_factory.mktemp("wheel")
    uv = BIN / "uv"
    subprocess.run([uv, "build", "-q", "--wheel", "--out-dir", home, ROOT], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / "venv"], check=True)
    wheel = next(home.glob("tejer-*.whl"))
    subprocess.run(
        [uv, "pip", "install", "-q", "--python", home / "venv/bin/python", "-c", ROOT / "requirements.lock", wheel],
        check=True,
    )
    shell = private_shell(home)
    empty = home / "elsewhere"
    empty.mkdir()
    own = Shell(shell.env | {"PATH": f"{home}/venv/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}, empty)
    own.env["PATH"] = own.env["PATH"].removeprefix(f"{BIN}:")
    try:
        yield own
    finally:
        take_down(own)


def seen(shell: Shell) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = json.loads(shell.ok("tejer demo -o json", timeout=300))
    return requests


def test_the_addons_manifests(shell: Shell) -> None:
    assert "samples/addons/prometheus.yaml" in shell.ok("tejer samples").splitlines()
    assert "istio-system" in (shell.cwd / "samples/addons/prometheus.yaml").read_text()


def test_up_and_the_sample(shell: Shell) -> None:
    assert shell.ok("which tejer").startswith(str(Path(shell.env["HOME"])))
    shell.ok("tejer up --bare $UP")
    requests = seen(shell)
    answered = [one for one in requests if one["answer"].startswith("200")]
    assert {one["caller"] for one in answered} == {GATEWAY, CLIENT}
    assert {one["tls"] for one in answered} == {"mutual TLSv1.3"}
    assert any(one["request"].startswith("GET https://localhost") for one in answered)
    refused = [one for one in requests if one["answer"].startswith("refused")]
    assert len(refused) == 2, requests
    assert "RBAC: access denied" in refused[0]["answer"]


def test_again_changes_nothing(shell: Shell) -> None:
    before = pods_and_secrets(shell)
    seen(shell)
    assert pods_and_secrets(shell) == before


def pods_and_secrets(shell: Shell) -> str:
    pods = shell.ok("tejer get pods -n finance-app -o json")
    names = sorted(pod["metadata"]["name"] for pod in json.loads(pods)["items"])
    secret = json.loads(shell.ok("tejer get secret postgres -n finance-app -o json"))
    return f"{names} {secret['data']}"


def test_down_leaves_nothing(shell: Shell) -> None:
    home = shell.env["TEJER_HOME"]
    shell.ok("tejer down")
    assert shell.run(f"pgrep -f {home}/pods").out == ""
    assert not Path(home, "store.db").exists()
