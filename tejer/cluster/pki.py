"""The cluster's keys and certificates: one authority, the API server's certificate, the administrator's.

ECDSA P-256, made once and kept in `<home>/pki`; key files are readable by their owner only. A serving certificate that
lacks an address the API server now has (or is about to end) is made again; the authority never is.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ADMIN_GROUP = "system:masters"
_CA_LIFE = timedelta(days=3650)
_LEAF_LIFE = timedelta(days=365)
_RENEW_BEFORE = timedelta(days=30)
_CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Pki:
    """Paths of PEM files."""

    ca_cert: Path
    ca_key: Path
    api_cert: Path
    api_key: Path
    admin_cert: Path
    admin_key: Path


def pki_files(directory: Path) -> Pki:
    names = ("ca.crt", "ca.key", "apiserver.crt", "apiserver.key", "admin.crt", "admin.key")
    return Pki(*(directory / name for name in names))


def ensure_pki(directory: Path, names: list[str], addresses: list[str], now: datetime | None = None) -> Pki:
    """Make what is missing or outdated in `directory`. `names` and `addresses` go into the serving certificate.

    Raises OSError when the files can't be written, ValueError when one of them can't be read.
    """
    now = now or datetime.now(UTC)
    files = pki_files(directory)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (files.ca_cert.exists() and files.ca_key.exists()):
        _make_ca(files, now)
    sans: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    sans += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    if not _is_current(files.api_cert, files, sans, now):
        subject = _name("kube-apiserver")
        _issue(files, files.api_cert, files.api_key, subject, ExtendedKeyUsageOID.SERVER_AUTH, sans, now)
    if not _is_current(files.admin_cert, files, [], now):
        subject = _name("kubernetes-admin", ADMIN_GROUP)
        _issue(files, files.admin_cert, files.admin_key, subject, ExtendedKeyUsageOID.CLIENT_AUTH, [], now)
    return files


def _name(common_name: str, organization: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _make_ca(files: Pki, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("tejer-cluster-ca")
    builder = _builder(name, name, key.public_key(), now, _CA_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(_usage(sign_certificates=True), critical=True)
    _write_key(files.ca_key, key)
    _write(files.ca_cert, builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), 0o644)


def _issue(files: Pki, cert_path: Path, key_path: Path, subject: x509.Name, usage: x509.ObjectIdentifier,
           sans: list[x509.GeneralName], now: datetime) -> None:  # fmt: skip
    ca_cert = x509.load_pem_x509_certificate(files.ca_cert.read_bytes())
    ca_key = serialization.load_pem_private_key(files.ca_key.read_bytes(), None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{files.ca_key} holds no ECDSA key; remove {files.ca_key.parent} to start over")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(subject, ca_cert.subject, key.public_key(), now, _LEAF_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(sign_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    builder = builder.add_extension(issuer_key, critical=False)
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    _write_key(key_path, key)
    _write(cert_path, builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), 0o644)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime,
             life: timedelta) -> x509.CertificateBuilder:  # fmt: skip
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - _CLOCK_SKEW).not_valid_after(now + life)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=sign_certificates, crl_sign=sign_certificates, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def _is_current(path: Path, files: Pki, sans: list[x509.GeneralName], now: datetime) -> bool:
    """The certificate exists with its key, is ours, lasts for a while and names what it has to."""
    if not (path.exists() and path.with_suffix(".key").exists()):
        return False
    cert = x509.load_pem_x509_certificate(path.read_bytes())
    ca_cert = x509.load_pem_x509_certificate(files.ca_cert.read_bytes())
    try:
        cert.verify_directly_issued_by(ca_cert)
    except Exception:  # InvalidSignature, or a type of key that is not the authority's: not ours either way
        return False
    if cert.not_valid_after_utc - now < _RENEW_BEFORE:
        return False
    if not sans:
        return True
    named = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(sans) <= set(named)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(path, pem, 0o600)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others in between."""
    scratch = path.with_name(f".{path.name}.tmp")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    scratch.replace(path)
