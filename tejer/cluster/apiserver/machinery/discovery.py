"""Discovery documents: `/api`, `/apis`, resource lists, and the aggregated form."""

from __future__ import annotations

from collections.abc import Iterable

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.resource import Body


def api_versions() -> Body:
    """`/api` for clients that do not ask for aggregated discovery."""
    raise NotImplementedError


def api_group_list(definitions: Iterable[Definition]) -> Body:
    """`/apis`."""
    raise NotImplementedError


def api_group(group: str, definitions: Iterable[Definition]) -> Body | None:
    """`/apis/<group>`, None when no definition is of that group."""
    raise NotImplementedError


def api_resource_list(group: str, version: str, definitions: Iterable[Definition]) -> Body | None:
    """`/api/v1` and `/apis/<group>/<version>`, subresources included."""
    raise NotImplementedError


def aggregated(core: bool, definitions: Iterable[Definition], version: str = "v2") -> Body:
    """APIGroupDiscoveryList of `/api` (core) or `/apis`; `version` is v2 or v2beta1."""
    raise NotImplementedError
