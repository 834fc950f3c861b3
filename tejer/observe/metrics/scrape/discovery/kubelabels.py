"""Labels that the roles of Kubernetes discovery share. Pure.

Source: prometheus/discovery/kubernetes, prometheus.io/docs "kubernetes_sd_config".
"""

from __future__ import annotations

import re

from tejer.kube.resource import Body, metadata, name_of, namespace_of

META = "__meta_kubernetes_"
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_]")


def sanitize(name: str) -> str:
    """A Kubernetes label's name as the end of a Prometheus label's name."""
    return _NOT_IN_NAMES.sub("_", name)


def object_labels(body: Body, role: str) -> dict[str, str]:
    """Labels and annotations of an object as `__meta_kubernetes_<role>_label_*` and so on."""
    meta = metadata(body)
    labels: dict[str, str] = {}
    for field, part in (("labels", "label"), ("annotations", "annotation")):
        for key, value in (meta.get(field) or {}).items():
            name = sanitize(key)
            labels[f"{META}{role}_{part}_{name}"] = str(value)
            labels[f"{META}{role}_{part}present_{name}"] = "true"
    return labels


def service_labels(service: Body) -> dict[str, str]:
    """What the endpoints of a Service get of it."""
    return {
        META + "namespace": namespace_of(service),
        META + "service_name": name_of(service),
        **object_labels(service, "service"),
    }


def node_labels(node: Body) -> dict[str, str]:
    """A node's name, labels and annotations; pods and endpoints get them with `attach_metadata`."""
    return {META + "node_name": name_of(node), **object_labels(node, "node")}


def join_address(host: str, port: object) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
