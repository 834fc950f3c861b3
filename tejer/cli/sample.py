"""The finance-app sample as objects: its manifests, and the secrets that are in no file because they are random."""

from __future__ import annotations

import base64
import datetime
import secrets
from importlib.resources import as_file, files

from tejer.kube.manifest import load_paths
from tejer.kube.resource import Body

NAMESPACE = "finance-app"
GATEWAY_NAMESPACE = "istio-system"
DATABASE_SECRET = "postgres"  # noqa: S105 - the name of a Secret
CERTIFICATE_SECRET = "finance-app-cert"  # noqa: S105 - the name of a Secret
CERTIFICATE_DAYS = 90

# Identities and the database come before what needs them, policies before the first request.
ORDER = (
    "namespace.yaml",
    "service-accounts.yaml",
    "istio/peer-authentication.yaml",
    "istio/destination-rules.yaml",
    "istio/authorization-policy.yaml",
    "istio/gateway.yaml",
    "istio/virtual-service.yaml",
    "postgres.yaml",
    "finance-api.yaml",
    "load-generator.yaml",
)


def manifests() -> list[Body]:
    """Every object of the sample, in the order in which to apply them."""
    with as_file(files("tejer").joinpath("sample")) as directory:
        return [document.body for name in ORDER for document in load_paths([str(directory / name)])]


def database_secret() -> Body:
    """The Secret with PostgreSQL's password, newly drawn."""
    return _secret(NAMESPACE, DATABASE_SECRET, "Opaque", {"password": secrets.token_urlsafe(24).encode()})


def certificate_secret(now: datetime.datetime) -> Body:
    """A self-signed certificate for localhost, with which the ingress gateway serves HTTPS."""
    certificate, key = self_signed("localhost", now)
    return _secret(GATEWAY_NAMESPACE, CERTIFICATE_SECRET, "kubernetes.io/tls", {"tls.crt": certificate, "tls.key": key})


def _secret(namespace: str, name: str, kind: str, data: dict[str, bytes]) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": kind,
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }


def self_signed(host: str, now: datetime.datetime) -> tuple[bytes, bytes]:
    """(certificate, key) in PEM, ECDSA P-256, for `host`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
