"""TLS of servers: Gateways and Sidecar ingress. Source: Istio's validation.go, validateTLSOptions."""

from __future__ import annotations

from tejer.istiod.checks.report import Report
from tejer.kube.kinds.istio.gateway import ServerTLSSettings

CIPHERS = frozenset((
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "DES-CBC3-SHA",
    "ECDHE-PSK-CHACHA20-POLY1305", "ECDHE-PSK-AES128-CBC-SHA", "ECDHE-PSK-AES256-CBC-SHA", "PSK-AES128-CBC-SHA",
    "PSK-AES256-CBC-SHA", "ALL",
))  # fmt: skip
MAX_CERTIFICATES = 2


def check_server_tls(value: ServerTLSSettings | None, report: Report) -> None:
    if value is None:
        return
    _check_ciphers(value, report)
    mode = value.mode or "PASSTHROUGH"
    named = bool(value.credential_name or value.credential_names)
    if mode == "ISTIO_MUTUAL":
        for name, text in (
            ("caCertificates", value.ca_certificates), ("privateKey", value.private_key),
            ("serverCertificate", value.server_certificate), ("caCrl", value.ca_crl),
            ("credentialName", value.credential_name), ("credentialNames", value.credential_names),
        ):  # fmt: skip
            if text:
                what = {"privateKey": "private key", "serverCertificate": "server certificate"}.get(name, name)
                report.error(f"ISTIO_MUTUAL TLS cannot have associated {what}", name)
        return
    if mode in ("PASSTHROUGH", "AUTO_PASSTHROUGH"):
        _check_passthrough(value, report)
        return
    _check_one_source(value, report)
    if mode == "SIMPLE" and value.ca_crl and not named:
        report.error("CRL is not supported with SIMPLE TLS", "caCrl")
    if named or (mode == "SIMPLE" and _certificates_complete(value, mode, report)):
        return
    if mode in ("MUTUAL", "OPTIONAL_MUTUAL"):
        _certificates_complete(value, mode, report)
        if not value.ca_certificates and not value.ca_cert_credential_name:
            report.error(f"{mode} TLS requires a client CA bundle", "caCertificates")


def _certificates_complete(value: ServerTLSSettings, mode: str, report: Report) -> bool:
    if value.tls_certificates:
        if len(value.tls_certificates) > MAX_CERTIFICATES:
            report.warning(f"{mode} TLS can support up to {MAX_CERTIFICATES} server certificates", "tlsCertificates")
        for index, pair in enumerate(value.tls_certificates):
            for name, text, what in (
                ("serverCertificate", pair.server_certificate, "server certificate"),
                ("privateKey", pair.private_key, "private key"),
            ):
                if not text:
                    report.error(f"{mode} TLS requires a {what}", "tlsCertificates", index, name)
        return True
    if not value.server_certificate:
        report.error(f"{mode} TLS requires a server certificate", "serverCertificate")
    if not value.private_key:
        report.error(f"{mode} TLS requires a private key", "privateKey")
    return True


def _check_one_source(value: ServerTLSSettings, report: Report) -> None:
    """Certificates come from one place: a Secret, a list of Secrets, files, or a list of files."""
    files = bool(value.server_certificate and value.private_key)
    given = [bool(value.credential_name), bool(value.credential_names), files, bool(value.tls_certificates)]
    if sum(given) > 1:
        report.error("only one of credential_name, credential_names, server_certificate/private_key or "
                     "tls_certificates can be set")  # fmt: skip


def _check_passthrough(value: ServerTLSSettings, report: Report) -> None:
    if value.ca_crl or value.server_certificate or value.private_key or value.ca_certificates or value.credential_name:
        report.warning(f"{value.mode or 'PASSTHROUGH'} does not use certificates: they have no effect")


def _check_ciphers(value: ServerTLSSettings, report: Report) -> None:
    seen: set[str] = set()
    for index, cipher in enumerate(value.cipher_suites):
        if cipher and cipher[0].isalnum() and cipher not in CIPHERS:  # operators (-X, [A|B]) are not looked into
            report.warning(f"{cipher} is not a cipher suite Envoy knows, it is ignored", "cipherSuites", index)
        elif cipher in seen:
            report.warning(f"{cipher} is listed twice", "cipherSuites", index)
        seen.add(cipher)
