from __future__ import annotations

import asyncio
import datetime
import gzip
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from tejer.cli.sample import self_signed
from tejer.observe.metrics.config import HttpClient
from tejer.observe.metrics.scalars import read_scalar
from tejer.observe.metrics.scrape.client import Answer, Client, FetchError
from tests.unit.observe.metrics.scrape.exposing import Exposing, exposing


def ask(
    prepare: Callable[[Exposing], None], *, limit: int = 1000, seconds: float = 30.0, **settings: Any
) -> tuple[Answer, Exposing]:
    async def work() -> tuple[Answer, Exposing]:
        config = msgspec.convert(settings, HttpClient, dec_hook=read_scalar)
        async with exposing() as target, Client(config) as client:
            prepare(target)
            url = f"http://{target.address}/metrics"
            return await client.get(url, seconds=seconds, limit=limit, headers={"Accept": "text/plain"}), target

    return asyncio.run(work())


def test_an_answer_with_its_type() -> None:
    answer, target = ask(lambda _: None)
    assert answer == (b"a 1\n", "text/plain; version=0.0.4")
    assert target.requests[0].headers["User-Agent"] == "tejer-prometheus"
    assert "Authorization" not in target.requests[0].headers


def test_credentials_are_read_from_their_file_each_time(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")

    async def work() -> list[str]:
        config = msgspec.convert({"bearer_token_file": str(token)}, HttpClient, dec_hook=read_scalar)
        async with exposing() as target, Client(config) as client:
            for text in ("first", "second"):
                token.write_text(text)
                await client.get(f"http://{target.address}/", seconds=5, limit=100, headers={})
            return [request.headers["Authorization"] for request in target.requests]

    assert asyncio.run(work()) == ["Bearer first", "Bearer second"]
    with pytest.raises(FetchError, match="nowhere can't be read: No such file"):
        ask(lambda _: None, authorization={"credentials_file": str(tmp_path / "nowhere")})


def test_other_credentials_and_headers() -> None:
    _, target = ask(lambda _: None, basic_auth={"username": "u", "password": "p"},
                    http_headers={"X-Scope": {"values": ["a", "b"]}})  # fmt: skip
    assert target.requests[0].headers["Authorization"] == "Basic dTpw"
    assert target.requests[0].headers["X-Scope"] == "a, b"
    _, target = ask(lambda _: None, authorization={"type": "Token", "credentials": "t"})
    assert target.requests[0].headers["Authorization"] == "Token t"


@pytest.mark.parametrize("compressed", [False, True])
def test_a_body_larger_than_its_limit(compressed: bool) -> None:
    def prepare(target: Exposing) -> None:
        body = b"x" * 50_000_000
        target.body = gzip.compress(body, 1) if compressed else body
        target.headers = {"Content-Encoding": "gzip"} if compressed else {}

    with pytest.raises(FetchError, match="the body is larger than 1000000 bytes"):
        ask(prepare, limit=1_000_000)


def test_a_target_that_does_not_answer_in_time() -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"a")
            await asyncio.sleep(0.02)

    for answer in (hang, trickle):
        with pytest.raises(FetchError, match=r"no answer within 0\.3 s"):
            ask(lambda target, answer=answer: setattr(target, "answer", answer), seconds=0.3)  # type: ignore[misc]


def test_refusals_say_why() -> None:
    with pytest.raises(FetchError, match="HTTP status 503"):
        ask(lambda target: setattr(target, "status", 503))

    async def elsewhere(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("http://127.0.0.1:1/")

    with pytest.raises(FetchError, match="HTTP status 302"):
        ask(lambda target: setattr(target, "answer", elsewhere), follow_redirects=False)
    with pytest.raises(FetchError, match="refused"):
        ask(lambda target: setattr(target, "answer", elsewhere))


def authority(folder: Path, name: str) -> ssl.SSLContext:
    """A server's TLS for localhost, whose self-signed certificate is `folder/name.crt`."""
    certificate, key = self_signed("localhost", datetime.datetime.now(datetime.UTC))
    (folder / f"{name}.crt").write_bytes(certificate)
    (folder / f"{name}.key").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    return context


def test_certificates_are_checked_and_read_again_when_they_change(tmp_path: Path) -> None:
    server_tls, _ = authority(tmp_path, "server"), authority(tmp_path, "other")
    trusted = tmp_path / "ca.crt"

    async def ask_tls(address: str, **tls: Any) -> Answer:
        config = msgspec.convert({"tls_config": tls}, HttpClient, dec_hook=read_scalar)
        async with Client(config) as client:
            return await client.get(f"https://{address}/", seconds=30, limit=100, headers={})

    async def work() -> None:
        async with exposing(server_tls) as target:
            named = {"server_name": "localhost"}
            with pytest.raises(FetchError, match="certificate"):
                await ask_tls(target.address, **named)
            with pytest.raises(FetchError, match=r"tls_config: .*No such file"):
                await ask_tls(target.address, ca_file=str(trusted))
            assert (await ask_tls(target.address, insecure_skip_verify=True)).body == b"a 1\n"
            trusted.write_bytes((tmp_path / "server.crt").read_bytes())
            with pytest.raises(FetchError, match=r"not valid for '127\.0\.0\.1'"):
                await ask_tls(target.address, ca_file=str(trusted))
            config = msgspec.convert(
                {"tls_config": {**named, "ca_file": str(trusted)}}, HttpClient, dec_hook=read_scalar
            )
            trusted.write_bytes((tmp_path / "other.crt").read_bytes())
            async with Client(config) as client:
                url = f"https://{target.address}/"
                with pytest.raises(FetchError, match="certificate"):
                    await client.get(url, seconds=30, limit=100, headers={})
                trusted.write_bytes((tmp_path / "server.crt").read_bytes())
                assert (await client.get(url, seconds=30, limit=100, headers={})).body == b"a 1\n"

    asyncio.run(work())
