"""The cluster's DNS server on `dns_ip`:53, UDP and TCP. Its own names from memory, others from the host's servers."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

from dnslib import QTYPE, RCODE, DNSError, DNSRecord

from tejer.cluster.config import ClusterConfig
from tejer.cluster.dns.answer import alias_to_follow, answer, failure
from tejer.cluster.dns.upstream import RESOLV_CONF, ask_upstream, resolvers
from tejer.cluster.dns.zone import Zone, build_zone
from tejer.kube.informer import Informer

log = logging.getLogger(__name__)

PORT = 53
_RETRY_SECONDS = 1.0
_UDP_LIMIT = 512
_MAX_IN_FLIGHT = 500
_TCP_IDLE_SECONDS = 10.0


class DnsServer:
    """Answers from the informers' stores; the zone is rebuilt when one is asked for after a change."""

    def __init__(self, config: ClusterConfig, services: Informer, slices: Informer) -> None:
        self._config, self._services, self._slices = config, services, slices
        self._zone: Zone | None = None
        self._group: asyncio.TaskGroup | None = None
        self._in_flight = 0

    def touch(self) -> None:
        """Services or endpoints have changed."""
        self._zone = None

    async def run(self) -> None:
        """Until cancelled. The address may still be held by an earlier server for a moment."""
        await self._services.synced.wait()
        await self._slices.synced.wait()
        while True:
            try:
                async with asyncio.TaskGroup() as group:
                    self._group = group
                    await self._serve()
            except* OSError as errors:
                log.error("DNS on %s:%d: %s; trying again", self._config.dns_ip, PORT, errors.exceptions[0])
            await asyncio.sleep(_RETRY_SECONDS)

    async def _serve(self) -> None:
        loop, where = asyncio.get_running_loop(), self._config.dns_ip
        transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), local_addr=(where, PORT))
        try:
            server = await asyncio.start_server(self._serve_tcp, where, PORT)
            async with server:
                await server.serve_forever()
        finally:
            transport.close()

    def handle_udp(self, data: bytes, peer: Any, transport: asyncio.DatagramTransport) -> None:
        """Answers at once what it can; the rest in a task. What goes wrong is the sender's alone."""
        try:
            self._handle(data, peer, transport)
        except Exception as error:
            log.warning("a query of %s could not be answered: %s: %s", peer, type(error).__name__, error)

    def _handle(self, data: bytes, peer: Any, transport: asyncio.DatagramTransport) -> None:
        query = _parse(data)
        if query is None:
            return
        reply = answer(query, self.zone)
        if reply is not None and not alias_to_follow(reply, self.zone):
            transport.sendto(_fit(query, reply), peer)
        elif self._group is not None and self._in_flight < _MAX_IN_FLIGHT:
            self._group.create_task(self._answer_udp(query, data, peer, transport))

    async def _answer_udp(self, query: DNSRecord, data: bytes, peer: Any, transport: asyncio.DatagramTransport) -> None:
        self._in_flight += 1
        try:
            transport.sendto(await self._answer(query, data, tcp=False), peer)
        except Exception as error:
            log.warning("a query of %s could not be answered: %s: %s", peer, type(error).__name__, error)
        finally:
            self._in_flight -= 1

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(_TCP_IDLE_SECONDS):
                    data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                query = _parse(data)
                if query is None:
                    return
                packed = await self._answer(query, data, tcp=True)
                writer.write(len(packed).to_bytes(2, "big") + packed)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return
        except Exception as error:
            log.warning("a query over TCP could not be answered: %s: %s", type(error).__name__, error)
        finally:
            writer.close()

    async def _answer(self, query: DNSRecord, data: bytes, *, tcp: bool) -> bytes:
        """The packed answer to any query, with what other servers must be asked for."""
        reply = answer(query, self.zone)
        if reply is None:
            return await self._outside(data, query, tcp=tcp)
        target = alias_to_follow(reply, self.zone)
        if target:
            onward = DNSRecord.question(target, QTYPE[query.q.qtype])
            found = _parse_reply(await self._outside(bytes(onward.pack()), onward, tcp=tcp))
            for record in found.rr if found is not None else ():
                reply.add_answer(record)
        return bytes(reply.pack()) if tcp else _fit(query, reply)

    async def _outside(self, data: bytes, query: DNSRecord, *, tcp: bool) -> bytes:
        """A name that isn't ours: the host's resolvers' answer, else SERVFAIL at once or after their short time."""
        name = str(query.q.qname).rstrip(".")
        if "." not in name:
            return bytes(failure(query, RCODE.NXDOMAIN).pack())  # no resolver outside knows a single label
        try:
            servers = resolvers(RESOLV_CONF.read_text())
        except OSError:
            servers = ()
        reply = await ask_upstream(data, tuple(s for s in servers if s != self._config.dns_ip), tcp=tcp)
        return reply if reply is not None else bytes(failure(query, RCODE.SERVFAIL).pack())

    @property
    def zone(self) -> Zone:
        if self._zone is None:
            services, slices = self._services.store.values(), self._slices.store.values()
            self._zone = build_zone(self._config.cluster_domain, services, slices)
        return self._zone


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._server.handle_udp(data, addr, self._transport)


def _parse(data: bytes) -> DNSRecord | None:
    """A query with one question; None for anything else, which gets no answer."""
    try:
        query = DNSRecord.parse(data)
    except (DNSError, ValueError, IndexError, UnicodeError):
        return None
    return query if len(query.questions) == 1 and query.header.qr == 0 else None


def _parse_reply(data: bytes) -> DNSRecord | None:
    try:
        return DNSRecord.parse(data)
    except (DNSError, ValueError, IndexError, UnicodeError):
        return None


def _fit(query: DNSRecord, reply: DNSRecord) -> bytes:
    """Packed for UDP: too long for the asker's buffer means truncated, ask again over TCP."""
    limit = max([_UDP_LIMIT, *(record.rclass for record in query.ar if record.rtype == QTYPE.OPT)])
    packed = bytes(reply.pack())
    if len(packed) <= limit:
        return packed
    short = reply.truncate()
    return bytes(short.pack())
