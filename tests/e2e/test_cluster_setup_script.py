"""`scripts/setup-istio.sh` on a cluster that is only known by its kubectl context."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.clusters import private_cluster

pytestmark = pytest.mark.e2e


def test_the_mesh_and_the_sample_on_another_context(tmp_path: Path) -> None:
    with private_cluster(tmp_path) as shell:
        shell.ok("tejer up --bare $UP")
        shell.ok("kubectl config rename-context tejer elsewhere && kubectl config unset current-context")
        own = tmp_path / "own"
        said = shell.run(f"TEJER_HOME={own} scripts/setup-istio.sh --context elsewhere", timeout=400).ok()
        assert "mutual TLSv1.3" in said.text
        assert not own.exists(), "no embedded cluster was started"
        ready = "jsonpath={.items[*].status.containerStatuses[*].name}"
        names = shell.ok(f"kubectl --context elsewhere get pods -n finance-app -o '{ready}'").split()
        assert {"istio-proxy", "finance-api", "postgres"} <= set(names)
        unknown = shell.run("scripts/setup-istio.sh --context nowhere")
        assert unknown.code == 1
        assert "nowhere" in unknown.err
        assert shell.run("scripts/setup-istio.sh --contxt x").code == 2
