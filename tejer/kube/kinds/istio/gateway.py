"""Gateway: the ports a gateway workload opens, and for which hosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.keywords import NULLABLE, UINT32, enum, message, rule, schema
from tejer.kube.kinds.meta import ObjectMeta


class Port(Kind, frozen=True, kw_only=True):
    """A port of the gateway: number, protocol and a unique name."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        required=(
            "number",
            "protocol",
            "name",
        )
    )

    name: str = ""
    number: Annotated[int | None, UINT32] = None
    protocol: str = ""
    target_port: Annotated[int | None, UINT32] = None


class TLSCertificate(Kind, frozen=True, kw_only=True):
    """One of several certificates a server presents."""

    ca_certificates: str = ""
    private_key: str = ""
    server_certificate: str = ""


class ServerTLSSettings(Kind, frozen=True, kw_only=True):
    """TLS of a server: who proves what to whom."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        rules=(
            rule(
                "(has(self.tlsCertificates) ? 1 : 0) + (has(self.credentialNames) ? 1 : 0) <= 1",
                "only one of credentialNames or tlsCertificates can be set",
            ),
            rule(
                "(has(self.credentialName) ? 1 : 0) + (has(self.credentialNames) ? 1 : 0) <= 1",
                "only one of credentialName or credentialNames can be set",
            ),
            rule(
                "(has(self.credentialNames) ? 1 : 0) + (has(self.tlsCertificates) ? 1 : 0) <= 1",
                "only one of credentialName or tlsCertificates can be set",
            ),
        )
    )

    ca_cert_credential_name: str = ""
    ca_certificates: str = ""
    ca_crl: str = ""
    cipher_suites: tuple[str, ...] = ()
    credential_name: str = ""
    credential_names: Annotated[tuple[str, ...], schema(max_items=2, min_items=1)] = ()
    ecdh_curves: tuple[str, ...] = ()
    https_redirect: bool | None = None
    insecure_skip_verify: Annotated[bool | None, NULLABLE] = None
    max_protocol_version: Annotated[str, enum("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3")] = ""
    min_protocol_version: Annotated[str, enum("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3")] = ""
    mode: Annotated[
        str, enum("PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL")
    ] = ""
    private_key: str = ""
    server_certificate: str = ""
    subject_alt_names: tuple[str, ...] = ()
    tls_certificates: Annotated[tuple[TLSCertificate, ...], schema(max_items=2, min_items=1)] = ()
    verify_certificate_hash: tuple[str, ...] = ()
    verify_certificate_spki: tuple[str, ...] = ()


class Server(Kind, frozen=True, kw_only=True):
    """One port with the hosts it serves."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        required=(
            "port",
            "hosts",
        )
    )

    bind: str = ""
    default_endpoint: str = ""
    hosts: tuple[str, ...] = ()
    name: str = ""
    port: Port | None = None
    tls: ServerTLSSettings | None = None


class GatewaySpec(Kind, frozen=True, kw_only=True):
    """Servers and the labels of the workloads that open them."""

    selector: dict[str, str] = msgspec.field(default_factory=dict)
    servers: tuple[Server, ...] = ()


class Gateway(Kind, frozen=True, kw_only=True):
    """The ports a gateway workload opens, and for which hosts."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: GatewaySpec = GatewaySpec()
    status: IstioStatus = IstioStatus()
