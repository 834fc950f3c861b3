"""Destinations that do not exist, or are ambiguous. IST0101, 0112, 0140.

Source: Istio's pkg/config/analysis/analyzers/virtualservice/destinationhosts.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.targets import MESH, Target, host_buckets, targets
from tejer.istiod.checks.hosts import HostEntry, bucket
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import SERVICEENTRIES, SERVICES, VIRTUALSERVICES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    for target in targets(item.value):
        entry = _find_everywhere(view, target.destination.host, item)
        if entry is None:
            yield found(
                item, "IST0101", f'Referenced host not found: "{target.destination.host}"', f"{target.path}.host"
            )
        elif not entry.host.startswith("*"):
            yield from _check_port(item, target, entry)
    yield from _without_effect_on_ingress(item, view)


def _find_everywhere(view: View, host: str, item: Item) -> HostEntry | None:
    """The host as seen from every namespace the VirtualService works in; None where one of them can't see it."""
    wanted = view.resolve(host, item.namespace)
    scopes = [item.namespace if scope in (".", "*") else scope for scope in item.value.spec.export_to or (".",)]
    entries = [view.host(wanted, scope) for scope in scopes]
    return entries[0] if all(entries) else None


def _check_port(item: Item, target: Target, entry: HostEntry) -> Iterator[Problem]:
    port = target.destination.port
    if port is None or port.number is None:
        if len(entry.ports) > 1 and not target.mirror:
            yield found(
                item, "IST0112",
                f"This VirtualService routes to a service {target.destination.host!r} that exposes multiple ports "
                f"{list(entry.ports)}. Specifying a port in the destination is required to disambiguate.",
                f"{target.path}.host",
            )  # fmt: skip
    elif entry.ports and port.number not in entry.ports:
        yield found(
            item, "IST0101", f'Referenced host:port not found: "{target.destination.host}:{port.number}"',
            f"{target.path}.host",
        )  # fmt: skip


def _without_effect_on_ingress(item: Item, view: View) -> Iterator[Problem]:
    """A gateway's VirtualService that routes to a host as a whole: the subsets that the host's own VirtualService
    chooses are for the mesh only, requests from the gateway are not split by them.
    """
    gateway = next((name for name in item.value.spec.gateways if name != MESH), None)
    if gateway is None:
        return
    for target in targets(item.value):
        if target.destination.subset or target.mirror:
            continue
        host = target.destination.host
        for other in view.where(VIRTUALSERVICES, host_buckets, bucket(host, item.namespace)):
            if other != item and _splits(other, view.resolve(host, item.namespace), view):
                yield found(
                    item, "IST0140",
                    f"Subset in virtual service {other.place} has no effect on ingress gateway {gateway} requests",
                    f"{target.path}.host",
                )  # fmt: skip
                break


def _splits(item: Item, host: str, view: View) -> bool:
    """Whether a VirtualService of the mesh is for `host` and sends its requests to subsets."""
    is_for = any(view.resolve(name, item.namespace) == host for name in item.value.spec.hosts)
    return is_for and any(target.destination.subset for target in targets(item.value))


ANALYZER = Analyzer("virtualservice.DestinationHostAnalyzer", (VIRTUALSERVICES,), (SERVICES, SERVICEENTRIES), analyze)
