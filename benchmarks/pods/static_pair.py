"""Two Envoys with mutual TLS, one static route and no metrics: what a hop costs at least. As Kubernetes objects.

The client's Envoy listens on 127.0.0.1:9000 in the client pod; the server's on :9443 in the server pod, before the app.
"""

from __future__ import annotations

import datetime
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Json = dict[str, Any]
TYPE = "type.googleapis.com/envoy.extensions"
TLS_1_3 = {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"}


def self_signed() -> tuple[str, str]:
    """(certificate, key) in PEM, trusted by both sides because it is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), pem.decode()


def _tls(certificate: str, key: str) -> Json:
    pair = {"certificate_chain": {"inline_string": certificate}, "private_key": {"inline_string": key}}
    roots = {"trusted_ca": {"inline_string": certificate}}
    return {"tls_params": TLS_1_3, "tls_certificates": [pair], "validation_context": roots}


def _address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def _cluster(host: str, port: int, kind: str, **more: Any) -> Json:
    endpoint = {"endpoint": {"address": _address(host, port)}}
    assignment = {"cluster_name": "next", "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": "next", "type": kind, "connect_timeout": "2s", "load_assignment": assignment, **more}


def _listener(host: str, port: int, **chain: Any) -> Json:
    router = {"name": "router", "typed_config": {"@type": f"{TYPE}.filters.http.router.v3.Router"}}
    route = {"match": {"prefix": "/"}, "route": {"cluster": "next"}}
    manager = {
        "@type": f"{TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [router],
    }
    filters = [{"name": "http", "typed_config": manager}]
    return {"name": "in", "address": _address(host, port), "filter_chains": [{"filters": filters, **chain}]}


def client_config(certificate: str, key: str, server: str) -> str:
    context = {"@type": f"{TYPE}.transport_sockets.tls.v3.UpstreamTlsContext",
               "common_tls_context": _tls(certificate, key)}  # fmt: skip
    cluster = _cluster(server, 9443, "STRICT_DNS", transport_socket={"name": "tls", "typed_config": context})
    return _static(_listener("127.0.0.1", 9000), cluster)


def server_config(certificate: str, key: str) -> str:
    context = {"@type": f"{TYPE}.transport_sockets.tls.v3.DownstreamTlsContext",
               "common_tls_context": _tls(certificate, key), "require_client_certificate": True}  # fmt: skip
    listener = _listener("0.0.0.0", 9443, transport_socket={"name": "tls", "typed_config": context})
    return _static(listener, _cluster("127.0.0.1", 8000, "STATIC"))


def _static(listener: Json, cluster: Json) -> str:
    nothing = {"stats_matcher": {"reject_all": True}}
    return json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}, "stats_config": nothing})
