"""`InjectConfig` and `InjectRequest`: all that injection of one pod depends on.

Source of the values' names: Istio's Helm values (`global.proxy.*`, `sidecarInjectorWebhook.*`, `revision`), stored in
ConfigMap `istio-sidecar-injector`; of the mesh config: ConfigMap `istio`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tejer.kube.resource import Body

IGNORED_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})
"""In these no pod ever gets a sidecar."""

JsonPatchOp = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class InjectConfig:
    """Settings of the mesh. `values` and `mesh` are JSON as users write them; a missing field has Istio's default.

    `never_inject` and `always_inject` are LabelSelectors; `policy` is "enabled" or "disabled".
    """

    image: str = "tejer/proxyv2:latest"
    revision: str = "default"
    cluster: str = "Kubernetes"
    network: str = ""
    istio_namespace: str = "istio-system"
    policy: str = "enabled"
    values: Mapping[str, Any] = field(default_factory=dict)
    mesh: Mapping[str, Any] = field(default_factory=dict)
    never_inject: tuple[Body, ...] = ()
    always_inject: tuple[Body, ...] = ()
    injected_annotations: Mapping[str, str] = field(default_factory=dict)

    def value(self, path: str, default: Any = None) -> Any:
        """`value("global.proxy.logLevel", "warning")`."""
        return lookup(self.values, path, default)

    @property
    def discovery_address(self) -> str:
        configured = lookup(self.mesh, "defaultConfig.discoveryAddress", "")
        return str(configured or f"istiod.{self.istio_namespace}.svc:15012")

    @property
    def trust_domain(self) -> str:
        return str(self.mesh.get("trustDomain") or "cluster.local")

    @property
    def domain(self) -> str:
        return str(self.value("global.proxy.clusterDomain") or "cluster.local")


@dataclass(frozen=True, kw_only=True)
class InjectRequest:
    """One pod about to be created in `namespace`.

    `namespace_labels` None means that the caller has already chosen (the webhook's selectors, or kube-inject);
    otherwise the namespace's labels decide as the webhook's selectors would.
    """

    pod: Body
    namespace: str
    config: InjectConfig
    namespace_labels: Mapping[str, str] | None = None
    namespace_annotations: Mapping[str, str] = field(default_factory=dict)


class Injected(NamedTuple):
    """The pod with its sidecar, and what its author should know."""

    pod: Body
    warnings: tuple[str, ...] = ()


def lookup(source: Mapping[str, Any], path: str, default: Any = None) -> Any:
    """The value at a dotted path; `default` when any step is missing or null."""
    value: Any = source
    for part in path.split("."):
        if not isinstance(value, Mapping) or value.get(part) is None:
            return default
        value = value[part]
    return value
