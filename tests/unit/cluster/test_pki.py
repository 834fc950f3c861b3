import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from tejer.cluster.pki import ensure_pki

NAMES, ADDRESSES = ["localhost", "kubernetes.default.svc"], ["127.0.0.1", "10.96.0.1"]


def test_keys_are_private_and_certificates_name_what_they_should(tmp_path: Path) -> None:
    files = ensure_pki(tmp_path / "pki", NAMES, ADDRESSES)
    for key in (files.ca_key, files.api_key, files.admin_key):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    serving = x509.load_pem_x509_certificate(files.api_cert.read_bytes())
    sans = serving.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sans.get_values_for_type(x509.DNSName) == NAMES
    assert [str(address) for address in sans.get_values_for_type(x509.IPAddress)] == ADDRESSES
    admin = x509.load_pem_x509_certificate(files.admin_cert.read_bytes())
    assert admin.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:masters"
    serving.verify_directly_issued_by(x509.load_pem_x509_certificate(files.ca_cert.read_bytes()))


def test_nothing_is_made_twice(tmp_path: Path) -> None:
    files = ensure_pki(tmp_path, NAMES, ADDRESSES)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert ensure_pki(tmp_path, NAMES, ADDRESSES) == files
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_new_address_makes_a_new_serving_certificate_only(tmp_path: Path) -> None:
    files = ensure_pki(tmp_path, NAMES, ADDRESSES)
    ca, serving, admin = (path.read_bytes() for path in (files.ca_cert, files.api_cert, files.admin_cert))
    ensure_pki(tmp_path, NAMES, [*ADDRESSES, "10.244.0.1"])
    assert files.ca_cert.read_bytes() == ca
    assert files.admin_cert.read_bytes() == admin
    assert files.api_cert.read_bytes() != serving


def test_certificates_near_their_end_are_renewed(tmp_path: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=350)
    files = ensure_pki(tmp_path, NAMES, ADDRESSES, long_ago)
    admin = files.admin_cert.read_bytes()
    ensure_pki(tmp_path, NAMES, ADDRESSES)
    assert files.admin_cert.read_bytes() != admin
