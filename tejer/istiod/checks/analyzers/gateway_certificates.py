"""One certificate on several gateways of one workload: HTTP/2 clients reuse a connection for the wrong one. IST0138."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found, selects
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import GATEWAYS


def analyze(item: Item, view: View) -> Iterator[Problem]:
    rivals = {
        other.place
        for certificate in sorted(certificates(item))
        for other in view.where(GATEWAYS, certificates, certificate)
        if other.key != item.key and selects(item.value.spec.selector, other.value.spec.selector)
    }
    if rivals:
        yield found(
            item, "IST0138",
            f"Duplicate certificate in multiple gateways {[*sorted(rivals), item.place]} may cause 404s if clients "
            "re-use HTTP2 connections.",
            "spec.servers",
        )  # fmt: skip


def certificates(item: Item) -> set[tuple[str, ...]]:
    """The certificates of a Gateway: names of Secrets, or pairs of files."""
    named: set[tuple[str, ...]] = set()
    for server in item.value.spec.servers if item.value is not None else ():
        if server.tls is None:
            continue
        if server.tls.credential_name:
            named.add(("credential", server.tls.credential_name))
        elif server.tls.server_certificate and server.tls.private_key:
            named.add(("files", server.tls.server_certificate, server.tls.private_key))
    return named


ANALYZER = Analyzer("gateway.CertificateAnalyzer", (GATEWAYS,), (), analyze)
