"""When certificates are renewed, how failures are spaced, and that files change all at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tejer.envoy.agent import certificates
from tejer.envoy.agent.atomic import read_files, replace_files
from tejer.envoy.agent.certificates import Renewer, Validity, held_validity, renewal_time, retry_delay
from tejer.envoy.agent.request_certificate import assemble, new_key, signing_request
from tejer.envoy.agent.settings import Settings


def test_renewal_is_at_half_the_life_give_or_take() -> None:
    validity = Validity(1000.0, 2000.0)
    assert renewal_time(validity, 0.0) == 1500.0
    assert renewal_time(validity, 0.01) == 1510.0


def test_delays_grow_are_bounded_and_spread() -> None:
    assert retry_delay(1, 0.999) < 0.21
    assert retry_delay(50, 0.0) == certificates.LAST_RETRY / 2
    assert all(retry_delay(n, 0.5) <= retry_delay(n + 1, 0.5) for n in range(1, 20))


def test_files_are_replaced_all_at_once(tmp_path: Path) -> None:
    directory = tmp_path / "certs"
    replace_files(directory, {"key.pem": b"k1", "cert.pem": b"c1"})
    link = directory / "..data"
    first = link.readlink()
    replace_files(directory, {"key.pem": b"k2", "cert.pem": b"c2"})
    assert (directory / "key.pem").read_bytes() == b"k2"
    assert read_files(directory) == {"key.pem": b"k2", "cert.pem": b"c2"}
    assert link.readlink() != first
    assert not (directory / first).exists()
    assert (directory / "key.pem").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in directory.iterdir()} == {"..data", "key.pem", "cert.pem", str(link.readlink())}


def test_a_failed_write_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_files(tmp_path, {"key.pem": b"k1"})

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="no space"):
        replace_files(tmp_path, {"key.pem": b"k2"})
    assert (tmp_path / "key.pem").read_bytes() == b"k1"


def test_a_certificate_on_disk_is_used_again(tmp_path: Path) -> None:
    certs = tmp_path / "certs"
    assert held_validity(certs) is None
    replace_files(certs, {"validity.json": b'{"not_before": 0, "not_after": 99999999999}'})
    renewer = Renewer(Settings(proxy_dir=str(tmp_path), roots_path=str(tmp_path / "none")), threading.Event())
    assert renewer.obtain()
    replace_files(certs, {"validity.json": b"broken"})
    assert held_validity(certs) is None


def test_waiting_says_what_for_and_ends_when_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stop = threading.Event()
    settings = Settings(proxy_dir=str(tmp_path), roots_path=str(tmp_path / "roots"), token_path=str(tmp_path / "token"))
    threading.Timer(0.5, stop.set).start()
    assert not Renewer(settings, stop).obtain()
    assert "istio-ca-root-cert" in capfd.readouterr().err


@pytest.mark.parametrize("key_type", ["ECDSA", "RSA"])
def test_the_request_has_an_empty_subject(key_type: str) -> None:
    from cryptography import x509

    request = x509.load_pem_x509_csr(signing_request(new_key(key_type)).encode())
    assert request.is_signature_valid
    assert not list(request.subject)
    assert not list(request.extensions)


def test_a_chain_for_another_key_is_refused() -> None:
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    other = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(other.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(hours=1))
        .sign(other, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(ValueError, match="for another key"):
        assemble(ec.generate_private_key(ec.SECP256R1()), [pem, pem], pem)
    with pytest.raises(ValueError, match="no certificate chain"):
        assemble(other, [pem], pem)
    issued = assemble(other, [pem, pem], pem)
    assert issued.files["root-cert.pem"].count(b"BEGIN CERTIFICATE") == 1
