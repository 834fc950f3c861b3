"""TLS sockets: the workload's own certificate by file SDS, both sides of mesh TLS, gateways' certificates over ADS.

Sources: `istio.md` A6, A7, B10, L1-L3, N16, TS1-TS3; `envoy.md` 0.10 (why file SDS) and section 2 (ALPN).
"""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.message import Message

from tejer.envoy import paths
from tejer.envoy.proto import (
    AggregatedConfigSource,
    CertificateValidationContext,
    CommonTlsContext,
    ConfigSource,
    DataSource,
    DownstreamTlsContext,
    PathConfigSource,
    RawBuffer,
    SdsSecretConfig,
    StringMatcher,
    SubjectAltNameMatcher,
    TlsParameters,
    TransportSocket,
    UpstreamTlsContext,
    WatchedDirectory,
    pack,
    seconds,
    true,
)
from tejer.istiod.model.settings import MeshSettings

ALPN_HTTP1 = ("istio-http/1.1", "istio", "http/1.1")
ALPN_HTTP2 = ("istio-h2", "istio", "h2")
ALPN_TCP = ("istio-peer-exchange", "istio")
SERVER_ALPN_HTTP = ("h2", "http/1.1")
SERVER_ALPN_TCP = ("istio-peer-exchange", "h2", "http/1.1")
MTLS_HTTP_ALPNS = ("istio-http/1.0", "istio-http/1.1", "istio-h2")
MTLS_TCP_ALPNS = ("istio-peer-exchange", "istio")
ALL_ISTIO_ALPNS = ("istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2")
SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"

_VERSIONS = {
    "TLSV1_0": TlsParameters.TLSv1_0,
    "TLSV1_1": TlsParameters.TLSv1_1,
    "TLSV1_2": TlsParameters.TLSv1_2,
    "TLSV1_3": TlsParameters.TLSv1_3,
}


def parameters(minimum: str = "TLSV1_2", maximum: str = "TLSV1_3", ciphers: Iterable[str] = ()) -> TlsParameters:
    """Envoy's client side stops at TLS 1.2 unless a maximum is given, so one always is."""
    low, high = _VERSIONS.get(minimum, TlsParameters.TLSv1_2), _VERSIONS.get(maximum, TlsParameters.TLSv1_3)
    return TlsParameters(
        tls_minimum_protocol_version=low, tls_maximum_protocol_version=high, cipher_suites=tuple(ciphers)
    )


def ads_source() -> ConfigSource:
    return ConfigSource(ads=AggregatedConfigSource(), resource_api_version="V3")


def ads_secret(name: str) -> SdsSecretConfig:
    return SdsSecretConfig(name=name, sds_config=ads_source())


def _file_secret(name: str, path: str) -> SdsSecretConfig:
    watched = WatchedDirectory(path=path.rpartition("/")[0])
    path_source = PathConfigSource(path=path, watched_directory=watched)
    source = ConfigSource(path_config_source=path_source, resource_api_version="V3")
    return SdsSecretConfig(name=name, sds_config=source)


def workload_certificate() -> SdsSecretConfig:
    return _file_secret(paths.SECRET_CERTIFICATE, paths.SDS_CERTIFICATE)


def mesh_roots() -> SdsSecretConfig:
    return _file_secret(paths.SECRET_ROOTS, paths.SDS_ROOTS)


def uri_sans(sans: Iterable[str], *, prefix: bool = False) -> list[SubjectAltNameMatcher]:
    def matcher(text: str) -> StringMatcher:
        return StringMatcher(prefix=text) if prefix else StringMatcher(exact=text)

    return [SubjectAltNameMatcher(san_type="URI", matcher=matcher(san)) for san in sans]


def mesh_context(alpn: Iterable[str], sans: list[SubjectAltNameMatcher], minimum: str) -> CommonTlsContext:
    """The workload's certificate, and the mesh's roots with the given SANs on top."""
    return CommonTlsContext(
        tls_params=parameters(minimum),
        tls_certificate_sds_secret_configs=[workload_certificate()],
        combined_validation_context=CommonTlsContext.CombinedCertificateValidationContext(
            default_validation_context=CertificateValidationContext(match_typed_subject_alt_names=sans),
            validation_context_sds_secret_config=mesh_roots(),
        ),
        alpn_protocols=tuple(alpn),
    )


def socket(context: Message) -> TransportSocket:
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=pack(context))


def raw_buffer() -> TransportSocket:
    return TransportSocket(name="envoy.transport_sockets.raw_buffer", typed_config=pack(RawBuffer()))


def mesh_client(sni: str, sans: Iterable[str], alpn: Iterable[str], mesh: MeshSettings) -> TransportSocket:
    """A sidecar's side of mesh TLS: it pins the server's SPIFFE ids when they are known."""
    context = mesh_context(alpn, uri_sans(sans), mesh.min_tls)
    return socket(UpstreamTlsContext(common_tls_context=context, sni=sni))


def mesh_server(alpn: Iterable[str], mesh: MeshSettings) -> TransportSocket:
    """The server's side: a client certificate of one of the mesh's trust domains is required."""
    sans = uri_sans((f"spiffe://{domain}/" for domain in mesh.trust_domains), prefix=True)
    context = mesh_context(alpn, sans, mesh.min_tls)
    return socket(DownstreamTlsContext(common_tls_context=context, require_client_certificate=true()))


def file_source(path: str) -> DataSource:
    return DataSource(filename=path)


HANDSHAKE_LIMIT = seconds(15)
