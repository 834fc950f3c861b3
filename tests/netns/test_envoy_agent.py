"""The agent and a real Envoy against a stand-in for istiod: certificates by file SDS, rotation, drain, supervision."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tejer.envoy.http1 import Response, request
from tests.netns.fake_istiod import FakeIstiod, TestCa

AGENT = """
import json, sys
from tejer.envoy.agent.proxy import envoy_binary, run
from tejer.envoy.agent.settings import Settings
sys.exit(run(Settings(**json.loads(sys.argv[1])), envoy_binary()))
"""
ADMIN, PORT = 25100, 25120


@dataclass
class Lab:
    """One agent's world: its files, its istiod (perhaps not yet started) and its process."""

    directory: Path
    istiod: FakeIstiod
    port: int = 0
    server: Any = None
    process: subprocess.Popen[bytes] | None = None
    more: dict[str, Any] = field(default_factory=dict)

    async def start_istiod(self) -> None:
        self.server, self.port = await self.istiod.serve(self.directory, port=self.port)

    def start_agent(self) -> subprocess.Popen[bytes]:
        (self.directory / "token").write_text("good-token")
        (self.directory / "roots").write_text(self.istiod.ca.root_pem)
        address = f"localhost:{self.port}"
        settings = {
            "pod": "web-1", "namespace": "shop", "ip": "127.0.0.1", "discovery_address": address, "ca_address": address,
            "proxy_dir": str(self.directory), "token_path": str(self.directory / "token"),
            "roots_path": str(self.directory / "roots"), "admin_port": ADMIN, "agent_port": PORT, "drain_seconds": 0.5,
            **self.more,
        }  # fmt: skip
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-c", AGENT, json.dumps(settings)], stderr=log, stdout=log)
        return self.process

    def log(self) -> str:
        return (self.directory / "log").read_text()

    async def get(self, path: str, port: int = PORT, method: str = "GET") -> Response | None:
        try:
            return await asyncio.to_thread(request, method, "127.0.0.1", port, path)
        except OSError:
            return None

    async def ready(self) -> bool:
        answer = await self.get("/healthz/ready")
        return answer is not None and answer.status == 200

    async def until(self, condition: Callable[[], bool | Awaitable[bool]], what: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            result = condition()
            if result if isinstance(result, bool) else await result:
                return
            await asyncio.sleep(0.02)
        pytest.fail(f"not within {seconds} s: {what}\n{self.log()}")

    def envoy_pid(self) -> int:
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        assert len(children) == 1, children
        return int(children[0])


@asynccontextmanager
async def lab(directory: Path, **more: Any) -> AsyncIterator[Lab]:
    seconds = more.pop("certificate_seconds", 3600)
    world = Lab(directory, FakeIstiod(TestCa(), dns="localhost", certificate_seconds=seconds), more=more)
    try:
        yield world
    finally:
        if world.process:
            world.process.terminate()  # never SIGKILL: outside a pod's process namespace Envoy would stay
            await asyncio.to_thread(world.process.wait, 15)
        await world.istiod.drop_connections()
        if world.server:
            world.server.close()
            await world.server.wait_closed()


def test_from_nothing_to_ready_and_drained(tmp_path: Path) -> None:
    async def run() -> None:
        async with lab(tmp_path) as world:
            await world.start_istiod()
            process = world.start_agent()
            await world.until(world.ready, "ready")
            node = world.istiod.nodes[0]
            assert node.id == "sidecar~127.0.0.1~web-1.shop~shop.svc.cluster.local"
            assert node.metadata["NAMESPACE"] == "shop"
            assert not world.istiod.nacks
            health = await world.get("/healthz/ready", 15021)
            assert health is not None
            assert health.status == 200
            metrics = await world.get("/stats/prometheus", 15090)
            assert metrics is not None
            assert b"envoy_server_live" in metrics.body
            process.send_signal(signal.SIGTERM)
            await world.until(lambda: process.poll() is not None, "end after SIGTERM", 5)
            assert process.returncode == 0
            assert "draining for 0.5 s" in world.log()

    asyncio.run(run())


def test_a_new_pod_waits_for_istiod_and_then_starts(tmp_path: Path) -> None:
    async def run() -> None:
        async with lab(tmp_path) as world:
            await world.start_istiod()
            world.server.close()
            await world.server.wait_closed()
            process = world.start_agent()
            await world.until(lambda: "does not answer" in world.log(), "a word on waiting")
            assert process.poll() is None
            answer = await world.get("/healthz/ready")
            assert answer is not None
            assert answer.status == 503
            await world.start_istiod()
            await world.until(world.ready, "ready once istiod is there")

    asyncio.run(run())


def test_certificates_rotate_without_dropping_the_stream(tmp_path: Path) -> None:
    async def run() -> None:
        async with lab(tmp_path, certificate_seconds=4.0) as world:
            await world.start_istiod()
            world.start_agent()
            await world.until(world.ready, "ready")
            await world.until(lambda: len(world.istiod.requests) >= 3, "two renewals at half the life")
            assert len(world.istiod.peers) == 1
            # The next connection has the new certificate, and istiod's new root is trusted too.
            await asyncio.sleep(0.3)
            first = world.istiod.peers[0]
            await world.istiod.drop_connections()
            await world.until(lambda: len(world.istiod.peers) >= 2, "a new connection")
            assert world.istiod.peers[-1] != first
            mode = (tmp_path / "certs/key.pem").stat().st_mode & 0o777
            assert mode == 0o600

    asyncio.run(run())


def test_a_new_root_is_taken_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with lab(tmp_path, certificate_seconds=4.0) as world:
            await world.start_istiod()
            world.start_agent()
            await world.until(world.ready, "ready")
            new = TestCa("new")
            (tmp_path / "roots").write_text(world.istiod.ca.root_pem + new.root_pem)
            before = len(world.istiod.requests)
            await world.until(lambda: len(world.istiod.requests) > before, "a renewal")
            await asyncio.sleep(0.5)
            world.server.close()
            await world.istiod.drop_connections()
            world.istiod.ca = new
            await world.start_istiod()
            connections = len(world.istiod.peers)
            await world.until(lambda: len(world.istiod.peers) > connections, "a connection to the new istiod")

    asyncio.run(run())


def test_when_envoy_dies_the_agent_ends_with_its_status(tmp_path: Path) -> None:
    async def run() -> None:
        async with lab(tmp_path) as world:
            await world.start_istiod()
            process = world.start_agent()
            await world.until(world.ready, "ready")
            os.kill(world.envoy_pid(), signal.SIGKILL)
            await world.until(lambda: process.poll() is not None, "the agent's end", 5)
            assert process.returncode == 128 + signal.SIGKILL
            # The container's restart finds its certificate and needs no new one.
            requests = len(world.istiod.requests)
            world.start_agent()
            await world.until(world.ready, "ready again")
            assert len(world.istiod.requests) == requests

    asyncio.run(run())


def test_a_refused_token_is_said_and_tried_again(tmp_path: Path) -> None:
    async def run() -> None:
        async with lab(tmp_path) as world:
            world.istiod.token = "another"
            await world.start_istiod()
            world.start_agent()
            await world.until(lambda: "UNAUTHENTICATED: no valid token" in world.log(), "the refusal in the log")
            assert "good-token" not in world.log()
            world.istiod.token = "good-token"
            await world.until(world.ready, "ready")

    asyncio.run(run())


def test_the_agent_is_small(tmp_path: Path) -> None:
    async def run() -> None:
        async with lab(tmp_path) as world:
            await world.start_istiod()
            process = world.start_agent()
            await world.until(world.ready, "ready")
            await world.get("/stats/prometheus")
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
            assert pss < 20 * 1024

    asyncio.run(run())
