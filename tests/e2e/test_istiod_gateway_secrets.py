"""TLS at the ingress gateway: the Secret's certificate by SDS, replaced while it runs, with nothing restarted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.e2e.clusters import private_cluster
from tests.e2e.shell import Shell

pytestmark = pytest.mark.e2e

GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: shop, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: [shop.example]
    tls: {mode: SIMPLE, credentialName: shop-cert}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: istio-system}
spec:
  hosts: [shop.example]
  gateways: [shop]
  http: [{directResponse: {status: 203}}]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with private_cluster(tmp_path_factory.mktemp("secrets")) as shell:
        shell.ok("tejer up $UP")
        yield shell


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate for shop.example, which is its own root for curl."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = directory / "tls.crt", directory / "tls.key"
    cert_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_path, key_path


def test_the_gateway_serves_the_secret_and_its_replacement(cluster: Shell, tmp_path: Path) -> None:
    port = cluster.env["HTTPS"].rpartition(":")[2]

    def ask(root: Path) -> str:
        resolve = f"--resolve shop.example:{port}:127.0.0.1"
        return f"curl -sS -o /dev/null -w '%{{http_code}}' {resolve} --cacert {root} https://shop.example:{port}/"

    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    cert, key = make_certificate(first)
    cluster.ok(f"kubectl -n istio-system create secret tls shop-cert --cert={cert} --key={key}")
    cluster.ok("kubectl apply -f -", stdin=GATEWAY)
    cluster.until(ask(cert), lambda result: result.out == "203", seconds=20)
    new_cert, new_key = make_certificate(second)
    cluster.ok(
        f"kubectl -n istio-system create secret tls shop-cert --cert={new_cert} --key={new_key} "
        "--dry-run=client -o yaml | kubectl -n istio-system replace -f -"
    )
    cluster.until(ask(new_cert), lambda result: result.out == "203", seconds=20)
    restarts = "kubectl -n istio-system get pod -o jsonpath='{.items[*].status.containerStatuses[*].restartCount}'"
    assert set(cluster.ok(restarts).split()) == {"0"}
