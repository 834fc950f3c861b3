"""TLS at a gateway: certificates of Secrets by SDS over ADS, or files. `istio.md` G3-G5, L3, N16."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.envoy.proto import (
    CertificateValidationContext,
    CommonTlsContext,
    DataSource,
    DownstreamTlsContext,
    Secret,
    StringMatcher,
    SubjectAltNameMatcher,
    TlsCertificate,
    TransportSocket,
    boolean,
)
from tejer.istiod.model.gateway import GatewayServer
from tejer.istiod.model.secrets import CA_SUFFIX
from tejer.istiod.model.view import InboundPort, ProxyView, SecretView
from tejer.istiod.translate import tls
from tejer.istiod.translate.tls import HANDSHAKE_LIMIT
from tejer.kube.kinds.istio_networking import ServerTLSSettings

PREFIX = "kubernetes://"
MUTUAL, OPTIONAL_MUTUAL, ISTIO_MUTUAL = "MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL"

__all__ = ["HANDSHAKE_LIMIT", "ingress_socket", "secret_resources", "server_names", "server_socket"]


def server_names(server: GatewayServer) -> list[str]:
    """The SNI names of a server's chain; a server for `*` takes what no other does."""
    hosts = list(dict.fromkeys(host for _, host in server.hosts))
    return [] if "*" in hosts else hosts


def server_socket(server: GatewayServer, view: ProxyView) -> TransportSocket | None:
    """None when the Secret that the server names is not there: its chain would hold up the whole listener."""
    settings = server.server.tls
    if settings is None:
        raise ValueError(f"server on port {server.port} of Gateway {server.gateway} has no tls settings")
    if settings.mode == ISTIO_MUTUAL:
        alpn = tls.SERVER_ALPN_HTTP if server.is_https else tls.SERVER_ALPN_TCP
        return tls.mesh_server(alpn, view.mesh)
    common = _common(server, settings, {secret.name: secret for secret in view.gateway.secrets})
    if common is None:
        return None
    required = settings.mode == MUTUAL
    return tls.socket(DownstreamTlsContext(common_tls_context=common, require_client_certificate=boolean(required)))


def ingress_socket(found: InboundPort) -> TransportSocket:
    """TLS that a Sidecar's ingress listener ends, with certificates in files."""
    settings = found.tls or ServerTLSSettings()
    if not (settings.server_certificate and settings.private_key):
        raise ValueError(f"ingress listener on port {found.target} has tls without serverCertificate and privateKey")
    common = CommonTlsContext(
        tls_params=tls.parameters(), alpn_protocols=("h2", "http/1.1") if found.port.is_http else ()
    )
    common.tls_certificates.append(
        TlsCertificate(
            certificate_chain=tls.file_source(settings.server_certificate),
            private_key=tls.file_source(settings.private_key),
        )
    )
    mutual = settings.mode == MUTUAL
    if mutual:
        _client_validation(common, settings, "")
    return tls.socket(DownstreamTlsContext(common_tls_context=common, require_client_certificate=boolean(mutual)))


def _common(
    server: GatewayServer, settings: ServerTLSSettings, secrets: dict[str, SecretView]
) -> CommonTlsContext | None:
    common = CommonTlsContext(
        tls_params=tls.parameters(
            _version(settings.min_protocol_version, "TLSV1_2"),
            _version(settings.max_protocol_version, "TLSV1_3"),
            settings.cipher_suites,
        ),
        alpn_protocols=tls.SERVER_ALPN_HTTP if server.is_https else (),
    )
    credentials = [name for name in (settings.credential_name, *settings.credential_names) if name]
    mutual = settings.mode in (MUTUAL, OPTIONAL_MUTUAL)
    if credentials:
        if any(name not in secrets or (mutual and not secrets[name].ca) for name in credentials):
            return None
        common.tls_certificate_sds_secret_configs.extend(tls.ads_secret(PREFIX + name) for name in credentials)
    else:
        common.tls_certificates.extend(_file_certificates(settings, server))
    if mutual:
        _client_validation(common, settings, credentials[0] if credentials else "")
    return common


def _version(given: str, default: str) -> str:
    return default if given in ("", "TLS_AUTO") else given


def _file_certificates(settings: ServerTLSSettings, server: GatewayServer) -> Iterator[TlsCertificate]:
    pairs = [(settings.server_certificate, settings.private_key)] if settings.server_certificate else []
    pairs += [(found.server_certificate, found.private_key) for found in settings.tls_certificates]
    if not pairs:
        raise ValueError(f"server on port {server.port} of Gateway {server.gateway} names no certificate")
    for certificate, key in pairs:
        yield TlsCertificate(certificate_chain=tls.file_source(certificate), private_key=tls.file_source(key))


def _client_validation(common: CommonTlsContext, settings: ServerTLSSettings, credential: str) -> None:
    sans = [
        SubjectAltNameMatcher(san_type=kind, matcher=StringMatcher(exact=san))
        for san in settings.subject_alt_names
        for kind in ("DNS", "URI")
    ]
    rules = CertificateValidationContext(
        match_typed_subject_alt_names=sans,
        verify_certificate_spki=settings.verify_certificate_spki,
        verify_certificate_hash=settings.verify_certificate_hash,
    )
    if not credential:
        rules.trusted_ca.CopyFrom(tls.file_source(settings.ca_certificates))
        common.validation_context.CopyFrom(rules)
        return
    common.combined_validation_context.CopyFrom(
        CommonTlsContext.CombinedCertificateValidationContext(
            default_validation_context=rules,
            validation_context_sds_secret_config=tls.ads_secret(f"{PREFIX}{credential}{CA_SUFFIX}"),
        )
    )


def secret_resources(secret: SecretView) -> Iterator[Secret]:
    """SDS: the certificate, and the CA for clients where there is one."""
    yield Secret(
        name=PREFIX + secret.name,
        tls_certificate=TlsCertificate(
            certificate_chain=DataSource(inline_bytes=secret.certificate),
            private_key=DataSource(inline_bytes=secret.key),
        ),
    )
    if secret.ca:
        context = CertificateValidationContext(trusted_ca=DataSource(inline_bytes=secret.ca))
        if secret.crl:
            context.crl.CopyFrom(DataSource(inline_bytes=secret.crl))
        yield Secret(name=f"{PREFIX}{secret.name}{CA_SUFFIX}", validation_context=context)
