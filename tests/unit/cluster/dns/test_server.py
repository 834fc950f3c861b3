"""What strangers send to the DNS server harms only themselves."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, cast

import pytest
from dnslib import DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from tejer.cluster.config import ClusterConfig
from tejer.cluster.dns.server import DnsServer
from tejer.kube.informer import Informer

QUERY = bytes(DNSRecord.question("web.default.svc.cluster.local").pack())


class Answers:
    """A transport that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendto(self, data: bytes, peer: Any) -> None:
        self.sent.append(data)


class NoObjects:
    def __init__(self) -> None:
        self.store: dict[Any, Any] = {}


def server() -> DnsServer:
    nothing = cast(Informer, NoObjects())
    return DnsServer(ClusterConfig(home=Path(os.devnull)), nothing, nothing)


def ask(one: DnsServer, data: bytes) -> list[bytes]:
    answers = Answers()
    one.handle_udp(data, ("192.0.2.1", 5000), cast(asyncio.DatagramTransport, answers))
    return answers.sent


@given(st.binary(max_size=80) | st.tuples(st.just(QUERY), st.binary(max_size=20)).map(b"".join))
def test_any_packet(data: bytes) -> None:
    ask(server(), data)


@given(st.integers(0, len(QUERY) - 1), st.integers(0, 255))
def test_a_query_with_one_byte_changed(position: int, value: int) -> None:
    ask(server(), QUERY[:position] + bytes([value]) + QUERY[position + 1 :])


def test_a_fault_while_answering_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = server()

    async def fails(*_: Any, **__: Any) -> bytes:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(one, "_answer", fails)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            one._group = group
            assert ask(one, bytes(DNSRecord.question("elsewhere.example").pack())) == []
        assert one._in_flight == 0

    asyncio.run(scenario())
    monkeypatch.setattr("tejer.cluster.dns.server.answer", lambda *_: 1 / 0)
    assert ask(one, QUERY) == []
