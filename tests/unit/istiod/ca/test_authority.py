"""The CA's Secrets: written, read back, plugged in, renewed and broken."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tejer.istiod.ca.authority import Authority, from_secret, self_signed, to_secret

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def intermediate(root: Authority) -> dict[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Intermediate CA")]))
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root.key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    files = {"ca-cert.pem": pem, "ca-key.pem": private, "root-cert.pem": root.root, "cert-chain.pem": pem + root.root}
    return {name: base64.b64encode(data).decode() for name, data in files.items()}


def test_the_self_signed_secret_reads_back() -> None:
    made = self_signed(NOW, "cluster.local")
    read = from_secret("istio-ca-secret", to_secret(made))
    assert read.certificate == made.certificate and read.key_pem == made.key_pem
    assert read.root == made.root and read.chain == b"" and "key" not in repr(read)


def test_a_plugged_in_intermediate_has_one_link_and_the_operators_root() -> None:
    root = self_signed(NOW, "acme.example")
    read = from_secret("cacerts", intermediate(root))
    assert read.chain == read.certificate_pem and read.root == root.root
    assert isinstance(read.key, rsa.RSAPrivateKey)


def test_the_root_is_renewed_late_in_life_with_its_key() -> None:
    old = self_signed(NOW, "cluster.local")
    assert not old.renewal_due(NOW + timedelta(days=2900)) and old.renewal_due(NOW + timedelta(days=2930))
    new = self_signed(NOW + timedelta(days=2930), "cluster.local", old.key)
    assert new.certificate.public_key() == old.certificate.public_key()
    assert new.certificate.subject == old.certificate.subject


def test_broken_secrets_name_the_entry() -> None:
    good, other = to_secret(self_signed(NOW, "a")), to_secret(self_signed(NOW, "b"))
    text = base64.b64encode(b"nonsense").decode()
    for data, why in (
        ({}, r"no ca-cert\.pem \(it has: nothing\)"),
        ({"ca-cert.pem": good["ca-cert.pem"]}, r"no ca-key\.pem"),
        (good | {"ca-cert.pem": text}, r"ca-cert\.pem is not a certificate"),
        (good | {"ca-key.pem": text}, r"ca-key\.pem is not an unencrypted private key"),
        (good | {"ca-key.pem": other["ca-key.pem"]}, "does not belong"),
        (good | {"ca-key.pem": "%"}, "not base64"),
    ):
        with pytest.raises(ValueError, match=f"Secret cacerts: .*{why}"):
            from_secret("cacerts", data)


def test_a_leaf_cannot_be_plugged_in_as_a_ca() -> None:
    root = self_signed(NOW, "a")
    leaf = (
        x509.CertificateBuilder()
        .subject_name(root.certificate.subject)
        .issuer_name(root.certificate.subject)
        .public_key(root.key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(root.key, hashes.SHA256())
    )
    pem = base64.b64encode(leaf.public_bytes(serialization.Encoding.PEM)).decode()
    with pytest.raises(ValueError, match="not a CA certificate"):
        from_secret("cacerts", to_secret(root) | {"ca-cert.pem": pem})
