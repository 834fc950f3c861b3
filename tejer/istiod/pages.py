"""istiod's debug pages by name (`/debug/<name>`), and what each shows. Names are Istio's.

Pages that read the graph do so in its owner's thread. Bodies of Secrets are never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tejer.istiod.xds import debug
from tejer.istiod.xds.connection import Connection
from tejer.kube.types import ISTIO_TYPES

if TYPE_CHECKING:
    from tejer.istiod.app import Istiod
    from tejer.istiod.http import Page

Query = Mapping[str, str]


def debug_pages(istiod: Istiod) -> dict[str, Page]:
    """The table of contents."""

    async def syncz(_: Query) -> Any:
        return debug.syncz(istiod.services.connections.values(), istiod.options.pod)

    async def adsz(_: Query) -> Any:
        return debug.adsz(istiod.services.connections.values())

    async def config_dump(query: Query) -> Any:
        return debug.config_dump(_connection(istiod, query).stream.snapshot)

    async def edsz(query: Query) -> Any:
        return debug.config_dump(_connection(istiod, query).stream.snapshot, only=("EDS",))

    async def configz(_: Query) -> Any:
        return [
            body for rtype in ISTIO_TYPES if (informer := istiod.informers.get(rtype.plural))
            for _, body in sorted(informer.store.items())
        ]  # fmt: skip

    async def registryz(_: Query) -> Any:
        registry = istiod.mesh.registry
        return await istiod.pusher.inspect(lambda: [*registry.plain_services, *registry.entry_services])

    async def endpointz(_: Query) -> Any:
        registry = istiod.mesh.registry
        return await istiod.pusher.inspect(lambda: [*registry.endpoints, *registry.entry_endpoints])

    async def problemz(_: Query) -> Any:
        return istiod.all_problems()

    async def graphz(_: Query) -> Any:
        return istiod.mesh.graph.mermaid().splitlines()

    return {
        "syncz": syncz,
        "adsz": adsz,
        "config_dump": config_dump,
        "edsz": edsz,
        "configz": configz,
        "registryz": registryz,
        "endpointz": endpointz,
        "problemz": problemz,
        "graphz": graphz,
    }


def _connection(istiod: Istiod, query: Query) -> Connection:
    proxy = query.get("proxyID", "")
    if not proxy:
        raise ValueError("which proxy? ?proxyID=<pod>.<namespace>")
    found = debug.find(istiod.services.connections, proxy)
    if found is None:
        raise LookupError(f"proxy {proxy} is not connected to this istiod")
    return found
