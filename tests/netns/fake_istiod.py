"""A stand-in for istiod in tests of real Envoys: delta ADS and the CA's method on one TLS port, and a throw-away CA."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpclib.server
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf.message import Message
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Stream

from tejer.envoy.istio_protos import CREATE_CERTIFICATE
from tejer.envoy.proto import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    IstioCertificateRequest,
    IstioCertificateResponse,
    XdsResource,
    pack,
    type_url,
)

DELTA = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"


class TestCa:
    """Issues what tests need; `root_pem` is its trust anchor."""

    __test__ = False

    def __init__(self, name: str = "root") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
        self.certificate = self._builder(self.name, self.key.public_key(), 3650 * 86400).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        ).sign(self.key, hashes.SHA256())  # fmt: skip
        self.root_pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def _builder(self, subject: x509.Name, key: Any, seconds: float) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(seconds=1))
            .not_valid_after(now + datetime.timedelta(seconds=seconds))
        )

    def sign(self, public_key: Any, *, uri: str = "", dns: str = "", seconds: float = 3600) -> str:
        name: x509.GeneralName = x509.UniformResourceIdentifier(uri) if uri else x509.DNSName(dns)
        builder = self._builder(x509.Name([]), public_key, seconds)
        certificate = builder.add_extension(x509.SubjectAlternativeName([name]), critical=True).sign(
            self.key, hashes.SHA256()
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, *, uri: str = "", dns: str = "", seconds: float = 3600) -> tuple[str, str]:
        """A new (key, certificate) pair in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        return key_pem(key), self.sign(key.public_key(), uri=uri, dns=dns, seconds=seconds)


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@dataclass
class FakeIstiod:
    """Serves `resources` ({type URL: {name: message}}) to every proxy and signs every CSR that comes with `token`."""

    ca: TestCa
    dns: str = "istiod.istio-system.svc"
    token: str = "good-token"
    certificate_seconds: float = 3600
    resources: dict[str, dict[str, Message]] = field(default_factory=dict)
    nodes: list[Any] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    nacks: list[str] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    connections: set[Stream[Any, Any]] = field(default_factory=set)

    def put(self, *messages: Message) -> None:
        for message in messages:
            name = getattr(message, "name", "") or getattr(message, "cluster_name", "")
            self.resources.setdefault(type_url(type(message)), {})[name] = message

    async def serve(self, directory: Path, host: str = "127.0.0.1", port: int = 0) -> tuple[grpclib.server.Server, int]:
        """Listen with a certificate for `dns`; returns the server and its port."""
        key, certificate = self.ca.issue(dns=self.dns)
        files = {"istiod-key.pem": key, "istiod.pem": certificate, "istiod-root.pem": self.ca.root_pem}
        for name, content in files.items():
            (directory / name).write_text(content)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(directory / "istiod-root.pem"))
        context.load_cert_chain(directory / "istiod.pem", directory / "istiod-key.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["h2"])
        server = grpclib.server.Server([self])
        await server.start(host, port, ssl=context)
        return server, server._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    def __mapping__(self) -> Mapping[str, Handler]:
        return {
            DELTA: Handler(self._delta, Cardinality.STREAM_STREAM, DeltaDiscoveryRequest, DeltaDiscoveryResponse),
            CREATE_CERTIFICATE: Handler(
                self._sign, Cardinality.UNARY_UNARY, IstioCertificateRequest, IstioCertificateResponse
            ),
        }

    async def _sign(self, stream: Stream[Any, Any]) -> None:
        request = await stream.recv_message()
        assert request is not None
        self.requests.append(request)
        metadata: Any = stream.metadata
        if metadata.get("authorization") != f"Bearer {self.token}":
            raise GRPCError(Status.UNAUTHENTICATED, "no valid token")
        csr = x509.load_pem_x509_csr(request.csr.encode())
        leaf = self.ca.sign(csr.public_key(), uri="spiffe://cluster.local/ns/a/sa/b", seconds=self.certificate_seconds)
        await stream.send_message(IstioCertificateResponse(cert_chain=[leaf, self.ca.root_pem]))

    async def _delta(self, stream: Stream[Any, Any]) -> None:
        certificate = stream.peer.cert()
        if not certificate:
            raise GRPCError(Status.UNAUTHENTICATED, "no client certificate")
        self.peers.append(str(certificate["serialNumber"]))
        self.connections.add(stream)
        try:
            nonce = 0
            while (request := await stream.recv_message()) is not None:
                if request.HasField("node"):
                    self.nodes.append(request.node)
                if request.error_detail.message:
                    self.nacks.append(request.error_detail.message)
                if request.response_nonce:
                    continue
                nonce += 1
                held = self.resources.get(request.type_url, {})
                names = [name for name in request.resource_names_subscribe if name != "*"] or list(held)
                await stream.send_message(
                    DeltaDiscoveryResponse(
                        type_url=request.type_url,
                        nonce=str(nonce),
                        resources=[
                            XdsResource(name=name, version="1", resource=pack(held[name]))
                            for name in names
                            if name in held
                        ],
                    )
                )
        finally:
            self.connections.discard(stream)

    async def drop_connections(self) -> None:
        """Break every ADS connection, as an istiod that dies would."""
        for stream in list(self.connections):
            stream._stream._transport.close()
        await asyncio.sleep(0)
