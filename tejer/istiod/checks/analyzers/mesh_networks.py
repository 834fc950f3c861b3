"""Registries of MeshNetworks that are no cluster's. IST0126."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import SECRETS

REGISTRIES = ("Kubernetes", "Mock", "External")
KIND = "MeshNetworks"
"""Of the settings file, which an analysis looks at as if it were an object."""


def remote_clusters(item: Item) -> tuple[str, ...]:
    return ("all",) if item.labels.get("istio/multiCluster") == "true" else ()


def analyze(item: Item, view: View) -> Iterator[Problem]:
    if item.kind != KIND:
        return
    known = set(REGISTRIES)
    for secret in view.where(SECRETS, remote_clusters, "all"):
        known |= {name for field in ("data", "stringData") for name in secret.body.get(field) or {}}
    for name, network in (item.body.get("networks") or {}).items():
        for index, endpoint in enumerate((network or {}).get("endpoints") or ()):
            registry = str(endpoint.get("fromRegistry") or "")
            if registry and registry not in known:
                yield found(
                    item, "IST0126", f"Unknown service registry {registry} in network {name}",
                    f"networks.{name}.endpoints[{index}].fromRegistry",
                )  # fmt: skip


ANALYZER = Analyzer("meshnetworks.MeshNetworksAnalyzer", (None,), (SECRETS,), analyze, raw=True)
