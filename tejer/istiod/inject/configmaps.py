"""`InjectConfig` from the two ConfigMaps that `tejer install` writes: `istio-sidecar-injector` and `istio`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tejer.istiod.inject.config import InjectConfig, lookup
from tejer.kube.resource import Body

ParseYaml = Callable[[str], Any]
_DEFAULT_HUB, _DEFAULT_IMAGE, _DEFAULT_TAG = "tejer", "proxyv2", "latest"


def inject_config(
    injector: Body | None, mesh: Body | None, parse_yaml: ParseYaml, *, revision: str = "default", cluster: str = ""
) -> InjectConfig:
    """Settings as in the ConfigMaps; without one, Istio's defaults. Raises ValueError naming the key that is broken."""
    data: Mapping[str, str] = (injector or {}).get("data") or {}
    settings = _mapping(data.get("config", ""), "istio-sidecar-injector: config", parse_yaml)
    values = _mapping(data.get("values", ""), "istio-sidecar-injector: values", json.loads)
    mesh_config = _mapping(((mesh or {}).get("data") or {}).get("mesh", ""), "istio: mesh", parse_yaml)
    return InjectConfig(
        image=proxy_image(values),
        revision=str(values.get("revision") or revision),
        cluster=str(lookup(values, "global.multiCluster.clusterName") or cluster or "Kubernetes"),
        network=str(lookup(values, "global.network") or ""),
        istio_namespace=str(lookup(values, "global.istioNamespace") or "istio-system"),
        policy=str(settings.get("policy") or "enabled"),
        values=values,
        mesh=mesh_config,
        never_inject=tuple(settings.get("neverInjectSelector") or ()),
        always_inject=tuple(settings.get("alwaysInjectSelector") or ()),
        injected_annotations={str(k): str(v) for k, v in (settings.get("injectedAnnotations") or {}).items()},
    )


def proxy_image(values: Mapping[str, Any]) -> str:
    """`<hub>/<image>:<tag>`; an image with a slash is whole already."""
    image = str(lookup(values, "global.proxy.image") or _DEFAULT_IMAGE)
    if "/" in image:
        return image
    hub = lookup(values, "global.hub") or _DEFAULT_HUB
    return f"{hub}/{image}:{lookup(values, 'global.tag') or _DEFAULT_TAG}"


def _mapping(text: str, where: str, parse: ParseYaml) -> dict[str, Any]:
    try:
        value = parse(text) if text.strip() else {}
    except ValueError as problem:
        raise ValueError(f"ConfigMap {where}: {problem}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"ConfigMap {where} holds no object")
    return value
