"""Issue certificates: CSR + who asks + policy + now -> certificate. Pure: no clock, no network, no API.

Of the CSR only the public key is used (after its signature is checked); names come from the authenticated caller.
The SPIFFE ID is the one URI SAN (critical); the Subject tells peers who the workload is (`tejer.envoy.identity`).
Source: SPIFFE X509-SVID; Istio's security/pkg/pki.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from tejer.envoy.identity import PeerSubject, subject_pairs
from tejer.istiod.ca.authority import CLOCK_SKEW, Authority

DEFAULT_LIFETIME = timedelta(hours=24)
LONGEST_LIFETIME = timedelta(days=90)
SMALLEST_RSA = 2048
CURVES = ("secp256r1", "secp384r1", "secp521r1")


class CsrError(ValueError):
    """The certificate signing request can't be used; the message says why."""


def lifetime(requested_seconds: int) -> timedelta:
    """What a caller gets who asks for `requested_seconds` (zero and less mean the default)."""
    if requested_seconds <= 0:
        return DEFAULT_LIFETIME
    return min(timedelta(seconds=min(requested_seconds, 10**9)), LONGEST_LIFETIME)


def issue_workload(
    csr_pem: bytes, spiffe_id: str, subject: PeerSubject, authority: Authority, now: datetime, life: timedelta
) -> bytes:
    """A workload's certificate, PEM, without its chain. Raises CsrError."""
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(spiffe_id)]
    attributes = [x509.NameAttribute(x509.ObjectIdentifier(oid), value) for oid, value in subject_pairs(subject)]
    return _issue(public_key(csr_pem), x509.Name(attributes), names, authority, now, life)


def issue_serving(
    public: ec.EllipticCurvePublicKey, hosts: Sequence[str], authority: Authority, now: datetime, life: timedelta
) -> bytes:
    """istiod's own serving certificate for DNS names and IP addresses, PEM, without its chain."""
    return _issue(public, x509.Name([]), [_host(host) for host in hosts], authority, now, life)


def cert_chain(leaf: bytes, authority: Authority) -> list[str]:
    """What CreateCertificate answers: the leaf, each intermediate, the root last."""
    links = x509.load_pem_x509_certificates(authority.chain) if authority.chain else []
    return [leaf.decode(), *(link.public_bytes(serialization.Encoding.PEM).decode() for link in links),
            authority.root.decode()]  # fmt: skip


def public_key(csr_pem: bytes) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    """The CSR's public key, once the CSR proves possession of the private one. Raises CsrError."""
    try:
        csr = x509.load_pem_x509_csr(csr_pem)
        valid, key = csr.is_signature_valid, csr.public_key()
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise CsrError(f"not a certificate signing request: {error}") from None
    if not valid:
        raise CsrError("the certificate signing request's signature doesn't match its key")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES:
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= SMALLEST_RSA:
        return key
    raise CsrError(f"the key must be ECDSA on P-256, P-384 or P-521, or RSA of at least {SMALLEST_RSA} bits")


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _issue(
    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    subject: x509.Name,
    names: Sequence[x509.GeneralName],
    authority: Authority,
    now: datetime,
    life: timedelta,
) -> bytes:
    signer = authority.certificate
    end = min(now + life, signer.not_valid_after_utc)
    if end <= now:
        raise CsrError(f"the mesh's CA certificate expired at {signer.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(now - CLOCK_SKEW, signer.not_valid_before_utc))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_LEAF_USAGE, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(_authority_key_id(signer), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def _authority_key_id(signer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        own = signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


_LEAF_USAGE = x509.KeyUsage(
    digital_signature=True, key_encipherment=True, content_commitment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
)  # fmt: skip
