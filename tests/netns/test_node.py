"""Pods on the real machine: they run, reach each other, and say how they are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.netns.node import cluster, container, require_namespaces, service_address

pytestmark = pytest.mark.netns

SERVE = "import http.server as h;h.test(h.SimpleHTTPRequestHandler,port=8080)"


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    require_namespaces()


def test_two_pods_reach_each_other_and_a_service_by_name(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", 1) as made, made.running():
            probe = {"httpGet": {"path": "/", "port": 8080}}
            await made.pod(
                "web", container("tejer/host", "python", "-c", SERVE, workingDir="/opt", readinessProbe=probe)
            )
            await made.pod("client", container("tejer/sleep"))
            web = await made.ready("web")
            await made.ready("client")
            await made.service("web", service_address(1, 50), 80, 8080, web)
            fetch = "import urllib.request as u,sys;print(u.urlopen(sys.argv[1],timeout=5).status)"
            address = web["status"]["podIP"]
            assert await made.run_in("client", "python", "-c", fetch, f"http://{address}:8080/") == (0, "200\n")
            assert await made.run_in("client", "python", "-c", fetch, "http://web/") == (0, "200\n")
            assert "GET / HTTP/1.1" in await made.log("web")

    asyncio.run(scenario())
