import asyncio

import aiohttp
import pytest

from tejer.cluster.apiserver.backend import LogOptions
from tejer.cluster.apiserver.streams.logs import handle_log, log_options
from tejer.kube.api import ApiError
from tests.unit.cluster.apiserver.streams.fakes import FakeBackend, serve


def test_query_becomes_options() -> None:
    query = {"follow": "True", "timestamps": "1", "tailLines": "5", "sinceSeconds": "10", "limitBytes": "99"}
    assert log_options(query, 1000.0) == LogOptions(
        follow=True, timestamps=True, tail_lines=5, since_time=990.0, limit_bytes=99
    )
    assert log_options({"sinceTime": "1970-01-01T00:01:00Z"}, 0).since_time == 60.0


@pytest.mark.parametrize("query", [{"tailLines": "-1"}, {"sinceTime": "noon"}, {"sinceTime": "x", "sinceSeconds": "1"}])
def test_bad_queries_are_refused(query: dict[str, str]) -> None:
    with pytest.raises(ApiError) as caught:
        log_options(query, 0)
    assert caught.value.code == 400


def test_log_is_sent_and_refusals_are_answers() -> None:
    async def scenario() -> None:
        backend = FakeBackend(log=[b"one\n", b"two\n"])
        async with serve(handle_log, backend) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            assert await (await client.get("/log")).text() == "one\ntwo\n"
            refused = await client.get("/log?previous=true")
            assert (refused.status, (await refused.json())["reason"]) == (400, "BadRequest")
            assert (await client.get("/log?container=other")).status == 400

    asyncio.run(scenario())


def test_follow_ends_when_the_client_goes() -> None:
    async def scenario() -> None:
        backend = FakeBackend(log=[b"one\n"])
        async with serve(handle_log, backend) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            response = await client.get("/log?follow=1")
            assert await response.content.readline() == b"one\n"
            response.close()
            await asyncio.sleep(0)

    asyncio.run(scenario())
