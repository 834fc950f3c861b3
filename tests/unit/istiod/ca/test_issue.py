"""Certificates that the mesh's CA issues, and requests it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tejer.envoy.identity import PeerSubject
from tejer.istiod.ca.authority import SigningKey, self_signed
from tejer.istiod.ca.issue import CsrError, cert_chain, issue_serving, issue_workload, lifetime

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AUTHORITY = self_signed(NOW, "cluster.local")
SPIFFE = "spiffe://cluster.local/ns/shop/sa/web"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


def csr(key: SigningKey | ed25519.Ed25519PrivateKey = EC_KEY, claimed: str = "spiffe://evil/ns/root/sa/admin") -> bytes:
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(claimed)])
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "claimed")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(names, critical=True)
    return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM)


WEB = PeerSubject(workload="web")


def issue(request: bytes, subject: PeerSubject = WEB) -> x509.Certificate:
    leaf = issue_workload(request, SPIFFE, subject, AUTHORITY, NOW, lifetime(0))
    return x509.load_pem_x509_certificate(leaf)


@pytest.mark.parametrize("key", [EC_KEY, RSA_KEY])
def test_a_workload_certificate(key: SigningKey) -> None:
    leaf = issue(csr(key))
    leaf.verify_directly_issued_by(AUTHORITY.certificate)
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert san.critical and san.value.get_values_for_type(x509.UniformResourceIdentifier) == [SPIFFE]
    assert len(list(san.value)) == 1
    assert leaf.public_key() == key.public_key()
    assert leaf.not_valid_after_utc == NOW + timedelta(hours=24) and leaf.not_valid_before_utc <= NOW
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_the_subject_describes_the_workload_and_nothing_of_the_csr() -> None:
    subject = PeerSubject(
        workload="web-v1", namespace="shop", app="web", version="v1", canonical_name="web", canonical_revision="v1",
        cluster="Kubernetes",
    )  # fmt: skip
    text = issue(csr(), subject).subject.rfc4514_string()
    assert "OU=web-v1" in text and "O=shop" in text and "ST=Kubernetes" in text and "claimed" not in text


def test_overlong_names_do_not_fail_issuance() -> None:
    long = "a" * 253
    subject = PeerSubject(workload=long, namespace="n" * 63, app=long, version=long, canonical_name=long)
    text = issue(csr(), subject).subject.rfc4514_string()
    assert f"OU={long}" in text and f"CN={'a' * 64}" in text.replace(long, "")


def test_unusable_requests_are_refused_with_the_reason() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    for request, why in (
        (b"not pem", "not a certificate signing request"),
        (csr(ed25519.Ed25519PrivateKey.generate()), "must be ECDSA"),
        (csr(weak), "at least 2048 bits"),
    ):
        with pytest.raises(CsrError, match=why):
            issue(request)


def test_a_forged_request_is_refused() -> None:
    other = x509.load_pem_x509_csr(csr(ec.generate_private_key(ec.SECP256R1())))
    der = x509.load_pem_x509_csr(csr()).public_bytes(serialization.Encoding.DER)
    forged = der.replace(_point(EC_KEY), _point_of(other))
    assert forged != der
    pem = x509.load_der_x509_csr(forged).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(CsrError, match="doesn't match"):
        issue(pem)


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _point_of(request: x509.CertificateSigningRequest) -> bytes:
    key = request.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def test_lifetimes_are_clamped() -> None:
    assert lifetime(0) == lifetime(-5) == timedelta(hours=24)
    assert lifetime(3600) == timedelta(hours=1)
    assert lifetime(2**62) == timedelta(days=90)


def test_a_leaf_does_not_outlive_its_issuer_and_an_expired_issuer_refuses() -> None:
    end = AUTHORITY.certificate.not_valid_after_utc
    late = issue_workload(csr(), SPIFFE, PeerSubject(), AUTHORITY, end - timedelta(hours=1), lifetime(0))
    assert x509.load_pem_x509_certificate(late).not_valid_after_utc == end
    with pytest.raises(CsrError, match="expired"):
        issue_workload(csr(), SPIFFE, PeerSubject(), AUTHORITY, end, lifetime(0))


def test_a_serving_certificate_has_dns_and_ip_names() -> None:
    leaf = issue_serving(EC_KEY.public_key(), ["istiod.istio-system.svc", "127.0.0.1"], AUTHORITY, NOW, lifetime(0))
    san = x509.load_pem_x509_certificate(leaf).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.DNSName) == ["istiod.istio-system.svc"]
    assert san.get_values_for_type(x509.IPAddress) == [ip_address("127.0.0.1")]


def test_the_chain_ends_with_the_root() -> None:
    chain = cert_chain(b"LEAF\n", AUTHORITY)
    assert chain == ["LEAF\n", AUTHORITY.root.decode()]
