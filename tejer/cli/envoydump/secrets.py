"""`proxy-config secret`: a proxy's certificates and trusted roots. Private keys are not in what Envoy shows."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime

from tejer.cli.envoydump.dump import Dump, Json

HEADER = ("RESOURCE NAME", "TYPE", "STATUS", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE")


def rows(dump: Dump, now: datetime) -> Iterator[tuple[str, ...]]:
    """One row per secret; of several trusted roots the first. Times are RFC 3339."""
    for state, secret in dump.secrets():
        name = str(secret.get("name", ""))
        if chain := (secret.get("tls_certificate") or {}).get("certificate_chain"):
            yield name, "Cert Chain", state, *_facts(chain, now)
        elif roots := (secret.get("validation_context") or {}).get("trusted_ca"):
            yield name, "CA", state, *_facts(roots, now)
        else:
            yield name, "", state, "false", "", "", ""


def pem_of(source: Json) -> bytes:
    """The PEM of an Envoy data source; b"" for one that is a file on the proxy's disk."""
    if data := source.get("inline_bytes"):
        return base64.b64decode(data)
    return str(source.get("inline_string", "")).encode()


def _facts(source: Json, now: datetime) -> tuple[str, str, str, str]:
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificates(pem_of(source))[0]
    except ValueError:
        return "false", "", "", ""
    after, before = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    valid = "true" if before <= now <= after else "false"
    return valid, f"{certificate.serial_number:x}", _time(after), _time(before)


def _time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
