"""ServiceEntries that take more traffic than meant, or contradict each other. IST0134, 0177."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks import protocols
from tejer.istiod.checks.world import Analyzer, World, found
from tejer.kube.kinds.istio_networking import ServiceEntry
from tejer.kube.problem import Problem
from tejer.kube.types import SERVICEENTRIES


def analyze_addresses(world: World) -> Iterator[Problem]:
    """A TCP port without an address matches every connection to that port number."""
    if world.mesh.default_config.proxy_metadata.get("ISTIO_META_DNS_AUTO_ALLOCATE") == "true":
        return
    for item in world.typed(SERVICEENTRIES, ServiceEntry):
        entry: ServiceEntry = item.value
        if entry.spec.addresses:
            continue
        for index, port in enumerate(entry.spec.ports):
            if port.protocol.upper() in ("", "TCP"):
                yield found(
                    item.body, "IST0134", "ServiceEntry addresses are required for this protocol.",
                    f"spec.ports[{index}].protocol",
                )  # fmt: skip


def analyze_protocols(world: World) -> Iterator[Problem]:
    """Entries for one host and port must agree on the protocol."""
    seen: dict[tuple[str, int], dict[str, list[str]]] = {}
    entries = world.typed(SERVICEENTRIES, ServiceEntry)
    for item in entries:
        for host in item.value.spec.hosts:
            for port in item.value.spec.ports:
                by_protocol = seen.setdefault((host, port.number or 0), {})
                names = by_protocol.setdefault(protocols.parse(port.protocol) or "TCP", [])
                names.append(f"{item.namespace}/{item.name}")
    for item in entries:
        for index, port in enumerate(item.value.spec.ports):
            for host in item.value.spec.hosts:
                by_protocol = seen[host, port.number or 0]
                if len(by_protocol) > 1:
                    yield found(
                        item.body, "IST0177",
                        f"ServiceEntries define host {host} port {port.number} with different protocols: "
                        + ", ".join(f"{name} ({', '.join(sorted(set(who)))})" for name, who in by_protocol.items()),
                        f"spec.ports[{index}]",
                    )  # fmt: skip


ANALYZERS = (
    Analyzer("serviceentry.Analyzer", (SERVICEENTRIES,), analyze_addresses),
    Analyzer("serviceentry.ConflictingServiceEntryProtocolAnalyzer", (SERVICEENTRIES,), analyze_protocols),
)
