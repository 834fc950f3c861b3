"""Logs, exec, terminals and forwarded ports of real pods."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from tejer.cluster.apiserver.backend import LogOptions
from tejer.kube.api import ApiError
from tests.netns.node import Cluster, cluster, container, require_namespaces

pytestmark = pytest.mark.netns

NUMBER = 3
ECHO = """import socketserver as s
class H(s.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.readline().upper())
"""
LOOPBACK_ONLY = ECHO + "s.ThreadingTCPServer(('127.0.0.1',7000),H).serve_forever()"
EVERYWHERE = ECHO + "s.ThreadingTCPServer(('',7000),H).serve_forever()"


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    require_namespaces()


async def follow(made: Cluster, name: str, options: LogOptions) -> list[str]:
    return [part.decode() async for part in made.agent.logs(await made.get(name), "main", options)]


def test_logs_follow_tail_and_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            script = "for i in 1 2 3 4 5; do echo line $i; echo err $i >&2; sleep 0.1; done"
            await made.pod("talker", container("tejer/host", "sh", "-c", script), restartPolicy="Never")
            await made.until("talker", lambda p: bool(p["status"].get("containerStatuses", [{}])[0].get("containerID")))
            whole = "".join(await follow(made, "talker", LogOptions(follow=True)))
            assert sorted(whole.splitlines()) == sorted(f"{kind} {i}" for i in range(1, 6) for kind in ("line", "err"))
            assert await made.log("talker", options=LogOptions(tail_lines=1)) in {"err 5\n", "line 5\n"}
            stamped = await made.log("talker", options=LogOptions(timestamps=True, tail_lines=1))
            assert stamped[:2] == "20"
            assert stamped[30:] in {" err 5\n", " line 5\n"}
            assert await made.log("talker", options=LogOptions(since_time=4e9)) == ""
            assert await made.log("talker", options=LogOptions(limit_bytes=4)) in {"line", "err "}

    asyncio.run(scenario())


def test_exec_streams_signals_and_exit_codes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            await made.pod("box", container("tejer/sleep"))
            pod = await made.ready("box")
            session = await made.agent.exec(pod, "main", ["cat"], tty=False, stdin=True)
            await session.stdin_write(b"x" * 300_000)
            await session.stdin_close()
            assert sum([len(data) async for _, data in session.output()]) == 300_000
            assert await session.wait() == 0
            await session.close()
            assert await made.run_in("box", "sh", "-c", "echo out; echo err >&2; exit 5") == (5, "out\nerr\n")
            assert (await made.run_in("box", "sh", "-c", "kill -9 $$"))[0] == 137
            with pytest.raises(ApiError, match="executable file not found"):
                await made.run_in("box", "no-such-program")
            session = await made.agent.exec(pod, "main", ["sh", "-c", "stty size; tty"], tty=True, stdin=True)
            await session.resize(120, 40)
            said = b"".join([data async for _, data in session.output()])
            assert b"/dev/pts/0" in said
            assert await session.wait() == 0
            await session.close()

    asyncio.run(scenario())


def test_a_container_with_a_terminal_is_attached_to(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            shell = container(
                "tejer/host", "sh", "-c", "tty; read word; stty size; echo got $word", tty=True, stdin=True
            )
            await made.pod("term", shell, restartPolicy="Never")
            await made.says("term", "/dev/pts/0\r\n")
            session = await made.agent.attach(await made.get("term"), "main", tty=True, stdin=True)
            await session.resize(100, 30)
            await session.stdin_write(b"hello\n")
            said = b"".join([data async for _, data in session.output()])
            assert b"30 100\r\ngot hello\r\n" in said
            await session.close()

    asyncio.run(scenario())


def test_closing_an_exec_kills_its_process(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            await made.pod("box", container("tejer/sleep"))
            pod = await made.ready("box")
            session = await made.agent.exec(pod, "main", ["sleep", "4242"], tty=False, stdin=False)
            waiting = asyncio.get_running_loop().create_task(session.wait())
            await asyncio.sleep(0.05)
            await session.close()
            assert await waiting == 137
            await asyncio.sleep(0.2)
            assert (
                "4242" not in (await made.run_in("box", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"))[1][:40]
            )

    asyncio.run(scenario())


def test_port_forward_reaches_a_loopback_listener(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path / "home", NUMBER) as made, made.running():
            probe = {
                "exec": {"command": ["python", "-c", "import socket;socket.create_connection(('127.0.0.1',7000))"]}
            }
            await made.pod("shy", container("tejer/host", "python", "-c", LOOPBACK_ONLY, readinessProbe=probe))
            pod = await made.ready("shy")
            reader, writer = await made.agent.dial(pod, 7000)
            writer.write(b"hello\n")
            assert await reader.readline() == b"HELLO\n"
            writer.close()
            with pytest.raises(ApiError, match="refused"):
                await made.agent.dial(pod, 7001)

    asyncio.run(scenario())


def test_a_host_port_answers_also_while_no_agent_runs(tmp_path: Path) -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            number = free.getsockname()[1]
        async with cluster(tmp_path / "home", NUMBER) as made:
            ports = [{"containerPort": 7000, "hostPort": number}]
            async with made.running():
                probe = {"tcpSocket": {"port": 7000}}
                server = container("tejer/host", "python", "-c", EVERYWHERE, ports=ports, readinessProbe=probe)
                await made.pod("public", server)
                await made.ready("public")
                assert await _ask(number) == b"HELLO\n"
            assert await _ask(number) == b"HELLO\n"
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", number)

    asyncio.run(scenario())


async def _ask(number: int) -> bytes:
    for _ in range(100):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.write(b"hello\n")
        answer = await reader.readline()
        writer.close()
        return answer
    raise AssertionError(f"nothing answers on {number}")
