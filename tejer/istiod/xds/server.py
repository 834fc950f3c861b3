"""The gRPC shell of istiod: ADS (both variants) and the CA's service, on :15012 with TLS and :15010 for loopback.

:15012 asks for a client certificate but doesn't insist (ssl.CERT_OPTIONAL): proxies present theirs for ADS, and a token
where they have no certificate yet (CSR) or never will (istioctl). Who presents neither is refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import grpclib.const
import grpclib.server
from google.protobuf.message import Message
from grpclib.exceptions import GRPCError, StreamTerminatedError

from tejer.envoy.istio_protos import CREATE_CERTIFICATE
from tejer.envoy.proto import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
    IstioCertificateRequest,
    IstioCertificateResponse,
    Struct,
    Value,
)
from tejer.istiod.authn import AuthnError, Caller, caller_of_spiffe, may_list_secrets, review_token
from tejer.istiod.ca.issue import CsrError
from tejer.istiod.ca.service import CertificateService
from tejer.istiod.metrics import Metrics
from tejer.istiod.model.node import ROUTER, ProxyNode, parse_node
from tejer.istiod.xds import wire
from tejer.istiod.xds.connection import Connection
from tejer.istiod.xds.delta import DeltaStream
from tejer.istiod.xds.grpc import GrpcStream, address_of, receive, spiffe_of, token_of
from tejer.istiod.xds.protocol import Differences, Request, Send
from tejer.istiod.xds.pusher import Pusher
from tejer.istiod.xds.sotw import SotwStream
from tejer.kube.api import Api, ApiError

log = logging.getLogger(__name__)

_ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/"
ADMITTED = 24
"""Proxies that may be in their first exchange at once; the rest of a reconnect storm waits (memory stays bounded)."""
FIRST_MESSAGE = 15.0
"""Seconds a new stream has to say who it is."""


class Variant(NamedTuple):
    """How delta and state of the world differ: their requests, state machines and encoding."""

    kind: type[Message]
    machine: type[DeltaStream] | type[SotwStream]
    read: Callable[[Any], Request]
    encode: Callable[[Send], bytes]


class Services:
    """What istiod answers over gRPC. `connections` are the proxies connected to this replica."""

    def __init__(
        self, api: Api, pusher: Pusher[Any], certificates: CertificateService, encoder: wire.Encoder, metrics: Metrics,
        trust_domains: Callable[[], tuple[str, ...]],
    ) -> None:  # fmt: skip
        self.api, self.pusher, self.certificates, self.encoder = api, pusher, certificates, encoder
        self.metrics, self.trust_domains = metrics, trust_domains
        self.connections: dict[str, Connection] = {}
        self._transports: set[asyncio.BaseTransport] = set()
        self.ready = asyncio.Event()
        self._draining = False
        self._differences = Differences()
        self._admission = asyncio.Semaphore(ADMITTED)
        metrics.xds.read = lambda: Counter((c.node.version,) for c in self.connections.values())
        for short, gauge in metrics.rejects_of.items():
            gauge.read = partial(self._rejecting, short)

    def _rejecting(self, short: str) -> dict[tuple[str, ...], float]:
        return {(c.node.id,): 1 for c in self.connections.values() if c.rejecting(short)}

    def __mapping__(self) -> dict[str, grpclib.const.Handler]:
        handler, many, one = (
            grpclib.const.Handler,
            grpclib.const.Cardinality.STREAM_STREAM,
            grpclib.const.Cardinality.UNARY_UNARY,
        )
        return {
            _ADS + "DeltaAggregatedResources": handler(self.delta, many, DeltaDiscoveryRequest, DeltaDiscoveryResponse),
            _ADS + "StreamAggregatedResources": handler(self.sotw, many, DiscoveryRequest, DiscoveryResponse),
            CREATE_CERTIFICATE: handler(
                self.create_certificate, one, IstioCertificateRequest, IstioCertificateResponse
            ),
        }

    async def create_certificate(self, stream: GrpcStream) -> None:
        self.metrics.csr.add()
        try:
            caller = await review_token(self.api, token_of(stream))
            request = await receive(stream, IstioCertificateRequest)
            if request is None:
                return
            chain = await self.certificates.create(caller, request.csr, request.validity_duration)
        except AuthnError as error:
            self.metrics.csr_unauthenticated.add()
            log.warning("certificate request from %s refused: %s", address_of(stream), error)
            raise GRPCError(grpclib.const.Status.UNAUTHENTICATED, str(error)) from None
        except CsrError as error:
            self.metrics.csr_bad.add()
            log.warning("certificate request from %s refused: %s", address_of(stream), error)
            raise GRPCError(grpclib.const.Status.INVALID_ARGUMENT, str(error)) from None
        except (ApiError, OSError) as error:
            self.metrics.csr_failed.add()
            log.warning("certificate request from %s can't be answered now: %s", address_of(stream), error)
            raise GRPCError(grpclib.const.Status.UNAVAILABLE, "the API server can't be asked now") from None
        self.metrics.issued.add()
        log.info("issued a certificate to %s/%s (pod %s)", caller.namespace, caller.account, caller.pod or "unknown")
        await stream.send_message(IstioCertificateResponse(cert_chain=chain))

    async def delta(self, stream: GrpcStream) -> None:
        await self._discovery(
            stream, Variant(DeltaDiscoveryRequest, DeltaStream, wire.delta_request, self.encoder.delta)
        )

    async def sotw(self, stream: GrpcStream) -> None:
        await self._discovery(stream, Variant(DiscoveryRequest, SotwStream, wire.sotw_request, self.encoder.sotw))

    async def _discovery(self, stream: GrpcStream, variant: Variant) -> None:
        caller = await self._caller(stream)
        await self.ready.wait()
        connection = None
        async with self._admission:
            message = await _first_message(stream, variant.kind)
            if message is None:
                return
            node = _node(message, caller)
            connection = Connection(
                node,
                address_of(stream),
                variant.machine({}, self._differences),
                self.metrics,
                secrets=await self._may_have_secrets(node, caller),
            )
            try:
                snapshot = await self.pusher.connect(node, connection.deliver)
            except RuntimeError as error:
                raise GRPCError(grpclib.const.Status.UNAVAILABLE, str(error)) from None
            connection.stream = variant.machine(connection.visible(snapshot), self._differences)
        transport = stream.peer._transport
        try:
            self.connections[connection.id] = connection
            self._transports.add(transport)
            log.info("ADS: %s connected from %s", node.id, connection.address)
            await connection.receive(variant.read(message))
            await self._exchange(stream, connection, variant)
        finally:
            del self.connections[connection.id]
            if not self._draining:
                self._transports.discard(transport)
            self.pusher.disconnect(node, connection.deliver)
            log.info("ADS: %s disconnected", node.id)

    async def _may_have_secrets(self, node: ProxyNode, caller: Caller | None) -> bool:
        """Private keys go only to an authenticated gateway whose ServiceAccount may list Secrets, as in Istio."""
        if caller is None or node.type != ROUTER:
            return False
        try:
            allowed = await may_list_secrets(self.api, caller)
        except (ApiError, OSError) as error:
            raise GRPCError(grpclib.const.Status.UNAVAILABLE, "the API server can't be asked now") from error
        if not allowed:
            log.warning(
                "ADS: gateway %s gets no TLS secrets: %s may not list Secrets in %s",
                node.id,
                caller.username,
                caller.namespace,
            )
        return allowed

    async def drain(self) -> None:
        """End every stream so that proxies go to another replica (or wait for us) at once; close what is left."""
        self._draining = True
        for connection in self.connections.values():
            connection.close()
        for _ in range(20):
            if not self.connections:
                break
            await asyncio.sleep(0.05)
        for transport in self._transports:
            transport.close()

    async def _exchange(self, stream: GrpcStream, connection: Connection, variant: Variant) -> None:
        refused: list[GRPCError] = []

        async def incoming() -> None:
            try:
                while (message := await receive(stream, variant.kind)) is not None:
                    await connection.receive(variant.read(message))
            except StreamTerminatedError:
                pass  # the client is gone
            except GRPCError as error:
                refused.append(error)
            finally:
                connection.close()

        async def send(command: Send) -> None:
            await stream.send_message(variant.encode(command))

        async with asyncio.TaskGroup() as group:
            reader = group.create_task(incoming())
            try:
                await connection.serve(send)
            except StreamTerminatedError:
                pass  # the client went away while we were sending
            finally:
                reader.cancel()
        if refused:
            raise refused[0]

    async def _caller(self, stream: GrpcStream) -> Caller | None:
        """Who is at the other end; None for a process on this machine's loopback without TLS (:15010)."""
        try:
            if stream.peer._transport.get_extra_info("ssl_object") is None:
                return None
            if (uri := spiffe_of(stream.peer.cert())) is not None:
                return caller_of_spiffe(uri, self.trust_domains())
            return await review_token(self.api, token_of(stream))
        except AuthnError as error:
            log.warning("ADS: %s refused: %s", address_of(stream), error)
            raise GRPCError(grpclib.const.Status.UNAUTHENTICATED, str(error)) from None
        except (ApiError, OSError) as error:
            raise GRPCError(grpclib.const.Status.UNAVAILABLE, "the API server can't be asked now") from error


async def _first_message(stream: GrpcStream, kind: type[Message]) -> Any:
    try:
        async with asyncio.timeout(FIRST_MESSAGE):
            return await receive(stream, kind)
    except TimeoutError:
        raise GRPCError(grpclib.const.Status.DEADLINE_EXCEEDED, "no discovery request came") from None


def _node(message: DeltaDiscoveryRequest | DiscoveryRequest, caller: Caller | None) -> ProxyNode:
    """The proxy that the first request describes, which must belong to the caller."""
    try:
        node = parse_node(message.node.id, _plain(message.node.metadata))
    except ValueError as error:
        raise GRPCError(grpclib.const.Status.INVALID_ARGUMENT, str(error)) from None
    if caller is None:
        return node
    if caller.namespace != node.namespace or (node.service_account and caller.account != node.service_account):
        mine, claimed = f"{caller.namespace}/{caller.account}", f"{node.namespace}/{node.service_account or '*'}"
        log.warning("ADS: %s, authenticated as %s, claims to be of %s", node.id, mine, claimed)
        raise GRPCError(grpclib.const.Status.PERMISSION_DENIED, f"you are {mine}, not {claimed}")
    return node


def _plain(metadata: Struct) -> dict[str, Any]:
    """The node's metadata as JSON-like values."""
    return {name: _plain_value(value) for name, value in metadata.fields.items()}


def _plain_value(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _plain(value.struct_value)
    if kind == "list_value":
        return [_plain_value(item) for item in value.list_value.values]
    return getattr(value, kind) if kind in ("string_value", "number_value", "bool_value") else None
