"""A ServiceEntry's TCP port without an address matches every connection to that port number. IST0134."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds.istio_networking import ServiceEntry
from tejer.kube.problem import Problem
from tejer.kube.types import SERVICEENTRIES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    entry: ServiceEntry = item.value
    if entry.spec.addresses or view.mesh.default_config.proxy_metadata.get("ISTIO_META_DNS_AUTO_ALLOCATE") == "true":
        return
    for index, port in enumerate(entry.spec.ports):
        if port.protocol.upper() in ("", "TCP"):
            text = "ServiceEntry addresses are required for this protocol."
            yield found(item, "IST0134", text, f"spec.ports[{index}].protocol")


ANALYZER = Analyzer("serviceentry.Analyzer", (SERVICEENTRIES,), (), analyze)
