"""`Authority`: the mesh's signing certificate with its key, and the chain up to the root. Pure: no files, no API.

Comes from the Secret `cacerts` (plugged in by the operator: ca-cert.pem, ca-key.pem, root-cert.pem, cert-chain.pem) or
from `istio-ca-secret` (self-signed by us: ca-cert.pem, ca-key.pem). Source: istio.io "Plug in CA Certificates" and
Istio's security/pkg/pki/ca.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

SELF_SIGNED_SECRET = "istio-ca-secret"  # noqa: S105 (a name)
PLUGGED_IN_SECRET = "cacerts"  # noqa: S105 (a name)
SELF_SIGNED_TYPE = "istio.io/ca-root"
ROOT_LIFETIME = timedelta(days=3650)
RENEW_ROOT_AT = 0.8
"""The self-signed root is renewed in the last fifth of its life, with the same key, so old leaves keep verifying."""
CLOCK_SKEW = timedelta(minutes=2)

SigningKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Authority:
    """`chain` is what stands between a leaf and the root (PEM, the signer first, without the root)."""

    certificate: x509.Certificate
    key: SigningKey = field(repr=False)
    chain: bytes
    root: bytes

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def root_expires(self) -> datetime:
        """The earliest end of what stands in `root`."""
        return min(root.not_valid_after_utc for root in x509.load_pem_x509_certificates(self.root))

    def renewal_due(self, now: datetime) -> bool:
        start, end = self.certificate.not_valid_before_utc, self.certificate.not_valid_after_utc
        return now >= start + (end - start) * RENEW_ROOT_AT


def self_signed(now: datetime, trust_domain: str, key: SigningKey | None = None) -> Authority:
    """A new root (or, with `key`, the old root renewed)."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, trust_domain)])
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + ROOT_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_CA_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key, b"", certificate.public_bytes(serialization.Encoding.PEM))


_CA_USAGE = x509.KeyUsage(
    digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


def to_secret(authority: Authority) -> dict[str, str]:
    """The `data` of `istio-ca-secret`, base64 as Kubernetes wants it."""
    files = {"ca-cert.pem": authority.certificate_pem, "ca-key.pem": authority.key_pem}
    return {name: base64.b64encode(data).decode() for name, data in files.items()}


def from_secret(name: str, data: Mapping[str, str]) -> Authority:
    """Read either Secret. Raises ValueError naming the Secret and the entry that is missing or wrong."""
    try:
        files = {entry: base64.b64decode(text, validate=True) for entry, text in data.items()}
    except (binascii.Error, ValueError):
        raise ValueError(f"Secret {name}: an entry is not base64") from None
    certificate_pem, key_pem = _entry(name, files, "ca-cert.pem"), _entry(name, files, "ca-key.pem")
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
    except ValueError as error:
        raise ValueError(f"Secret {name}: ca-cert.pem is not a certificate: {error}") from None
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError) as error:
        raise ValueError(f"Secret {name}: ca-key.pem is not an unencrypted private key: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError(f"Secret {name}: ca-key.pem is a {type(key).__name__}; use RSA or ECDSA")
    if key.public_key() != certificate.public_key():
        raise ValueError(f"Secret {name}: ca-key.pem does not belong to ca-cert.pem")
    _require_ca(name, certificate)
    root = files.get("root-cert.pem") or certificate_pem
    chain = files.get("cert-chain.pem", b"")
    return Authority(certificate, key, _chain(certificate, chain, root), root)


def _entry(name: str, files: Mapping[str, bytes], entry: str) -> bytes:
    if entry not in files:
        raise ValueError(f"Secret {name}: no {entry} (it has: {', '.join(sorted(files)) or 'nothing'})")
    return files[entry]


def _require_ca(name: str, certificate: x509.Certificate) -> None:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        constraints = None
    if constraints is None or not constraints.ca:
        raise ValueError(f"Secret {name}: ca-cert.pem is not a CA certificate (basicConstraints CA:TRUE is missing)")


def _chain(certificate: x509.Certificate, chain: bytes, root: bytes) -> bytes:
    """Intermediates from the signer up, each once, the roots left out."""
    roots = set(x509.load_pem_x509_certificates(root))
    links = [certificate, *(x509.load_pem_x509_certificates(chain) if chain.strip() else ())]
    unique = dict.fromkeys(link for link in links if link not in roots)
    return b"".join(link.public_bytes(serialization.Encoding.PEM) for link in unique)
