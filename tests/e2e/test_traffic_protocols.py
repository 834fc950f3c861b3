"""Each protocol through two sidecars: HTTP/1.1, HTTP/2, gRPC, TCP, servers that speak first, sniffing, PostgreSQL."""

from __future__ import annotations

import statistics
import sys

import pytest

from tests.e2e.traffic import Mesh, Pod, echoed, service, status

pytestmark = pytest.mark.e2e

UNNAMED = [
    {"name": "a", "port": 90, "targetPort": 8080},
    {"name": "b", "port": 91, "targetPort": 8081},
    {"name": "c", "port": 93, "targetPort": 8083},
]


@pytest.fixture(scope="module")
def client(traffic: Mesh) -> Pod:
    traffic.apply(service("unnamed", "traffic", {"app": "server"}, UNNAMED))
    client = traffic.pod("client")
    client.until("http://unnamed:90/", status(200))
    return client


def certificate_header(answer: dict[str, object]) -> str:
    headers = echoed(answer)["headers"]
    return str(headers.get("x-forwarded-client-cert", ""))


def test_http_1_carries_the_callers_identity(client: Pod) -> None:
    answer = client.until("http://server/path?q=1", status(200))
    assert answer["version"] == "HTTP/1.1"
    assert echoed(answer)["path"] == "/path?q=1"
    assert "URI=spiffe://cluster.local/ns/traffic/sa/client" in certificate_header(answer)
    assert "By=spiffe://cluster.local/ns/traffic/sa/server-v" in certificate_header(answer)


def test_http_2_end_to_end(client: Pod) -> None:
    answer = client.http("http://server:81/two", h2=True)
    assert (answer["status"], answer["version"]) == (200, "HTTP/2")
    assert echoed(answer)["version"] == "2"
    assert "ns/traffic/sa/client" in certificate_header(answer)


def test_grpc_with_its_status(client: Pod) -> None:
    assert client.grpc("http://server:82")["status"] == "SERVING"
    assert client.grpc("http://server:82", service="nobody")["status"] == "NOT_FOUND"


def test_tcp(client: Pod) -> None:
    assert client.tcp("server", 83, "any bytes")["data"] == "any bytes"


def test_a_server_that_speaks_first_is_not_delayed(client: Pod) -> None:
    answer = client.tcp("server", 84, send="")
    assert answer["data"].startswith("220 ")
    assert answer["seconds"] < 1


def test_unnamed_ports_are_sniffed(client: Pod) -> None:
    answer = client.http("http://unnamed:90/sniffed")
    assert "ns/traffic/sa/client" in certificate_header(answer), answer
    answer = client.http("http://unnamed:91/sniffed", h2=True)
    assert "ns/traffic/sa/client" in certificate_header(answer), answer
    assert client.tcp("unnamed", 93, "\x01\x02 no HTTP\n")["data"] == "\x01\x02 no HTTP\n"


def test_postgresql_connects_through_the_mesh_without_delay(traffic: Mesh) -> None:
    """The mesh must not wait for the client's first bytes: the time to connect and ask, with and without the mesh."""
    ask = (
        "import asyncio, os, sys, time, asyncpg\n"
        "async def main():\n"
        "    times = []\n"
        "    for _ in range(7):\n"
        "        start = time.monotonic()\n"
        "        c = await asyncpg.connect(host=sys.argv[1], user='finance', database='finance', ssl=False,\n"
        "                                  password=os.environ.get('PGPASSWORD') or os.environ['POSTGRES_PASSWORD'])\n"
        "        assert await c.fetchval('select 1') == 1\n"
        "        times.append(time.monotonic() - start)\n"
        "        await c.close()\n"
        "    print(*times)\n"
        "asyncio.run(main())\n"
    )
    shell = traffic.shell

    def median(command: str, host: str) -> float:
        found = shell.ok(f'kubectl exec -n finance-app {command} -- $PYTHON -c "$ASK" {host}')
        return statistics.median(map(float, found.split()))

    shell.env |= {"ASK": ask, "PYTHON": sys.executable}
    meshed = median("deploy/finance-api-v1 -c finance-api", "postgres")
    direct = median("deploy/postgres -c postgres", "127.0.0.1")
    print(f"\nPostgreSQL connect + select: {meshed * 1000:.1f} ms through the mesh, {direct * 1000:.1f} ms direct")
    assert meshed < direct + 0.1
