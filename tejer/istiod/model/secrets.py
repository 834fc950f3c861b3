"""The Secrets that a gateway's servers name: keys `tls.crt`/`tls.key`/`ca.crt` or Istio's `cert`/`key`/`cacert`.

Source: pilot/pkg/credentials/kube/secrets.go, `istio.md` G4. The CA may be in a Secret of its own, `<name>-cacert`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tejer.istiod.model.gateway import GatewayServer
from tejer.istiod.model.view import SecretView
from tejer.kube.problem import Problem, Severity

if TYPE_CHECKING:
    from tejer.istiod.model.registry import Stored

CA_SUFFIX = "-cacert"
MUTUAL_MODES = ("MUTUAL", "OPTIONAL_MUTUAL")


def gateway_secrets(
    servers: Iterable[GatewayServer], find: Callable[[str], Stored | None]
) -> tuple[tuple[SecretView, ...], tuple[Problem, ...]]:
    """The secrets that exist and are well formed, and a problem for each that a server names in vain."""
    found: dict[str, SecretView] = {}
    problems: list[Problem] = []
    for server in servers:
        tls = server.server.tls
        if tls is None or not server.terminates_tls:
            continue
        for name in (*((tls.credential_name,) if tls.credential_name else ()), *tls.credential_names):
            if name in found:
                continue
            secret = _read(name, find(name), find(name + CA_SUFFIX))
            if secret is None or (tls.mode in MUTUAL_MODES and not secret.ca):
                problems.append(_missing(server, name, tls.mode))
            if secret is not None:
                found[name] = secret
    return tuple(found[name] for name in sorted(found)), tuple(problems)


def _missing(server: GatewayServer, name: str, mode: str) -> Problem:
    wanted = "tls.crt, tls.key" + (" and ca.crt" if mode in MUTUAL_MODES else "")
    return Problem(
        severity=Severity.ERROR, key=server.source, kind="Gateway", field="spec.servers.tls.credentialName",
        message=f"there is no Secret {name!r} with {wanted} in the gateway's namespace",
        hint=f"kubectl create secret tls {name} --cert=... --key=... in the namespace of the gateway's pods",
    )  # fmt: skip


def _read(name: str, stored: Stored | None, ca: Stored | None) -> SecretView | None:
    own, authority = _data(stored), _data(ca)
    certificate = own.get("tls.crt") or own.get("cert") or b""
    key = own.get("tls.key") or own.get("key") or b""
    roots = own.get("ca.crt") or own.get("cacert") or authority.get("ca.crt") or authority.get("cacert") or b""
    if not certificate or not key:
        return None
    return SecretView(name=name, certificate=certificate, key=key, ca=roots, crl=own.get("ca.crl") or b"")


def _data(stored: Stored | None) -> dict[str, bytes]:
    data: dict[str, bytes] = {}
    for key, text in ((stored.body.get("data") or {}) if stored else {}).items():
        try:
            data[key] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
    return data
