"""TLS to an outbound cluster: automatic mutual TLS, or what a DestinationRule says. `istio.md` A3-A5, D14-D16."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tejer.envoy.proto import (
    CertificateValidationContext,
    Cluster,
    CommonTlsContext,
    HttpProtocolOptions,
    StringMatcher,
    SubjectAltNameMatcher,
    TlsCertificate,
    TransportSocket,
    UpstreamHttpProtocolOptions,
    UpstreamTlsContext,
    pack,
    struct,
    unpack,
)
from tejer.istiod.translate import names, tls, traffic_policy
from tejer.kube.kinds.istio_networking import ClientTLSSettings

if TYPE_CHECKING:
    from tejer.istiod.translate.clusters import ClusterInput

MESH_ALPN = {
    traffic_policy.HTTP1: tls.ALPN_HTTP1,
    traffic_policy.HTTP2: tls.ALPN_HTTP2,
    traffic_policy.DOWNSTREAM: tls.ALPN_TCP,
}


def apply_tls(cluster: Cluster, settings: ClientTLSSettings | None, given: ClusterInput, *, protocol: str) -> None:
    """Put the transport socket on `cluster`. A DestinationRule with `tls` switches automatic mutual TLS off."""
    if settings is None:
        if given.mesh_tls:
            _automatic(cluster, given, protocol)
        return
    mode = settings.mode or "DISABLE"
    if mode == "ISTIO_MUTUAL":
        cluster.transport_socket.CopyFrom(_mesh_socket(given, protocol, settings))
    elif mode in ("SIMPLE", "MUTUAL"):
        cluster.transport_socket.CopyFrom(_plain_tls(settings, given, protocol))
        if not settings.sni:
            _follow_host(cluster, verify=not settings.subject_alt_names and not settings.insecure_skip_verify)


def _automatic(cluster: Cluster, given: ClusterInput, protocol: str) -> None:
    socket = _mesh_socket(given, protocol, ClientTLSSettings())
    if cluster.type == Cluster.ORIGINAL_DST:  # no endpoint metadata to match on; every endpoint takes mesh TLS
        cluster.transport_socket.CopyFrom(socket)
        return
    cluster.transport_socket_matches.extend(
        [
            Cluster.TransportSocketMatch(
                name="tlsMode-istio", match=struct({"tlsMode": "istio"}), transport_socket=socket
            ),
            Cluster.TransportSocketMatch(name="tlsMode-disabled", match=struct({}), transport_socket=tls.raw_buffer()),
        ]
    )


def _mesh_socket(given: ClusterInput, protocol: str, settings: ClientTLSSettings) -> TransportSocket:
    port = given.port
    alpn = MESH_ALPN[protocol] if port.is_http or port.sniffed else tls.ALPN_TCP
    sni = settings.sni or names.server_name(port.number, given.subset, given.service.hostname)
    sans = settings.subject_alt_names or given.accounts
    return tls.mesh_client(sni, sans, alpn, given.mesh)


def _plain_tls(settings: ClientTLSSettings, given: ClusterInput, protocol: str) -> TransportSocket:
    """TLS as outside the mesh: with no caCertificates the server is verified against the system's roots."""
    common = CommonTlsContext(tls_params=tls.parameters())
    if settings.credential_name and given.router:
        common.tls_certificate_sds_secret_configs.append(tls.ads_secret(f"kubernetes://{settings.credential_name}"))
    elif settings.mode == "MUTUAL":
        if not (settings.client_certificate and settings.private_key):
            raise ValueError(f"tls mode MUTUAL to {given.service.hostname} needs clientCertificate and privateKey")
        common.tls_certificates.append(
            TlsCertificate(
                certificate_chain=tls.file_source(settings.client_certificate),
                private_key=tls.file_source(settings.private_key),
            )
        )
    if not settings.insecure_skip_verify:
        sans = [SubjectAltNameMatcher(san_type=kind, matcher=StringMatcher(exact=san))
                for san in settings.subject_alt_names or given.service.sans for kind in ("DNS", "URI")]  # fmt: skip
        common.validation_context.CopyFrom(
            CertificateValidationContext(
                trusted_ca=tls.file_source(settings.ca_certificates or tls.SYSTEM_ROOTS),
                match_typed_subject_alt_names=sans,
                crl=tls.file_source(settings.ca_crl) if settings.ca_crl else None,
            )
        )
    if protocol == traffic_policy.HTTP2:
        common.alpn_protocols.append("h2")
    elif protocol == traffic_policy.DOWNSTREAM:
        common.alpn_protocols.extend(("h2", "http/1.1"))
    return tls.socket(UpstreamTlsContext(common_tls_context=common, sni=settings.sni))


def _follow_host(cluster: Cluster, *, verify: bool) -> None:
    """With no sni given, the request's Host is the server name, and what the certificate must be for."""
    held = cluster.typed_extension_protocol_options[traffic_policy.HTTP_OPTIONS]
    options = unpack(held, HttpProtocolOptions) if held.type_url else HttpProtocolOptions()
    options.upstream_http_protocol_options.CopyFrom(
        UpstreamHttpProtocolOptions(auto_sni=True, auto_san_validation=verify)
    )
    if options.WhichOneof("upstream_protocol_options") is None:
        options.explicit_http_config.http_protocol_options.SetInParent()
    held.CopyFrom(pack(options))
