"""Obtain one workload certificate: a short-lived process, so that cryptography and TLS never stay in memory.

`python -m tejer.envoy.agent.request_certificate CA_HOST:PORT TOKEN_FILE ROOTS_FILE CERTS_DIR KEY_TYPE SECONDS`

Makes a key and a CSR, calls `IstioCertificateService/CreateCertificate` with the pod's token over TLS verified against
the mesh's roots, and writes key, chain and roots to CERTS_DIR all at once, with `validity.json` (`{"not_before",
"not_after"}` in Unix seconds) beside them. On failure prints one line on stderr and exits with 1. The identity in the
certificate is the CA's choice by the token; the CSR's Subject and SANs are empty because nobody may trust them.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from tejer.envoy.agent.atomic import replace_files
from tejer.envoy.agent.ca_messages import certificate_chain, certificate_request
from tejer.envoy.agent.grpc_unary import GrpcError, call

CREATE_CERTIFICATE = "/istio.v1.auth.IstioCertificateService/CreateCertificate"
CALL_SECONDS = 10.0


class Issued(NamedTuple):
    """What goes into CERTS_DIR, and the leaf's validity in Unix seconds."""

    files: dict[str, bytes]
    not_before: float
    not_after: float


def new_key(key_type: str) -> CertificateIssuerPrivateKeyTypes:
    """ECDSA P-256, or RSA 2048 when asked for."""
    if key_type == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def signing_request(key: CertificateIssuerPrivateKeyTypes) -> str:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def tls_context(roots_pem: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=roots_pem)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    return context


def sign(address: str, token: str, roots_pem: str, csr: str, seconds: int) -> list[str]:
    """The certificate chain for `csr`, leaf first and root last. Raises OSError, GrpcError or ValueError."""
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), CALL_SECONDS) as plain,
        tls_context(roots_pem).wrap_socket(plain, server_hostname=host) as connection,
    ):
        if connection.selected_alpn_protocol() != "h2":
            raise ConnectionError("the server speaks no HTTP/2")
        message = certificate_request(csr, seconds)
        answer = call(connection, address, CREATE_CERTIFICATE, message, [("authorization", f"Bearer {token}")])
    return certificate_chain(answer)


def assemble(key: CertificateIssuerPrivateKeyTypes, chain: list[str], roots_pem: str) -> Issued:
    """Check the CA's answer against our key and lay out the files. Raises ValueError when they do not fit."""
    if len(chain) < 2:
        raise ValueError("the CA's answer holds no certificate chain")
    leaf = x509.load_pem_x509_certificate(chain[0].encode())
    encoding, public = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    if leaf.public_key().public_bytes(encoding, public) != key.public_key().public_bytes(encoding, public):
        raise ValueError("the CA's answer is for another key")
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files = {
        "key.pem": private,
        "cert-chain.pem": "".join(_line_ended(pem) for pem in chain[:-1]).encode(),
        "root-cert.pem": merged_roots(roots_pem, chain[-1]).encode(),
    }
    return Issued(files, leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp())


def merged_roots(*bundles: str) -> str:
    """All distinct certificates of the bundles: during a root's rotation both are trusted."""
    seen: dict[bytes, str] = {}
    for bundle in bundles:
        for certificate in x509.load_pem_x509_certificates(bundle.encode()):
            pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
            seen.setdefault(certificate.fingerprint(hashes.SHA256()), pem)
    return "".join(seen.values())


def _line_ended(pem: str) -> str:
    return pem if pem.endswith("\n") else pem + "\n"


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    address, token_path, roots_path, certs_dir, key_type, seconds = arguments
    try:
        token = Path(token_path).read_text().strip()
        roots = Path(roots_path).read_text()
        key = new_key(key_type)
        chain = sign(address, token, roots, signing_request(key), int(seconds))
        issued = assemble(key, chain, roots)
        validity = {"not_before": issued.not_before, "not_after": issued.not_after}
        replace_files(Path(certs_dir), {**issued.files, "validity.json": json.dumps(validity).encode()})
    except GrpcError as refusal:
        print(f"{address} refused: {refusal}", file=sys.stderr)  # noqa: T201
        return 1
    except (OSError, ValueError) as problem:
        print(f"{address}: {type(problem).__name__}: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
