"""Discovery documents: `/api`, `/apis`, resource lists, and the aggregated form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.resource import Body

_READ_WRITE = ["get", "patch", "update"]
# Subresource → (group, version, kind, verbs); what is not here has the kind of its parent.
_SUBRESOURCES: dict[str, tuple[str, str, str, list[str]]] = {
    "scale": ("autoscaling", "v1", "Scale", _READ_WRITE),
    "log": ("", "v1", "Pod", ["get"]),
    "exec": ("", "v1", "PodExecOptions", ["create", "get"]),
    "attach": ("", "v1", "PodAttachOptions", ["create", "get"]),
    "portforward": ("", "v1", "PodPortForwardOptions", ["create", "get"]),
    "eviction": ("policy", "v1", "Eviction", ["create"]),
    "binding": ("", "v1", "Binding", ["create"]),
    "token": ("authentication.k8s.io", "v1", "TokenRequest", ["create"]),
}
_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")


def version_priority(version: str) -> tuple[int, int, int, str]:
    """Sort key: v2, v1, v1beta2, v1beta1, v1alpha1, then anything else by name."""
    match = _VERSION.fullmatch(version)
    if not match:
        return (3, 0, 0, version)
    major, stage, minor = int(match[1]), match[2], int(match[3] or 0)
    return ({None: 0, "beta": 1, "alpha": 2}[stage], -major, -minor, "")


def api_versions() -> Body:
    """`/api` for clients that do not ask for aggregated discovery."""
    return {
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
    }  # fmt: skip


def api_group_list(definitions: Iterable[Definition]) -> Body:
    """`/apis`."""
    definitions = tuple(definitions)
    groups = [_group(group, definitions) for group in _groups(definitions)]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_group(group: str, definitions: Iterable[Definition]) -> Body | None:
    """`/apis/<group>`, None when no definition is of that group."""
    definitions = tuple(definitions)
    if group not in _groups(definitions):
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, definitions)}


def _groups(definitions: tuple[Definition, ...]) -> list[str]:
    return list(dict.fromkeys(d.group for d in definitions if d.group))


def _versions(group: str, definitions: tuple[Definition, ...]) -> list[str]:
    return sorted({d.version for d in definitions if d.group == group}, key=version_priority)


def _group(group: str, definitions: tuple[Definition, ...]) -> Body:
    versions = [{"groupVersion": f"{group}/{version}", "version": version} for version in _versions(group, definitions)]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def _subresource(defn: Definition, name: str) -> tuple[str, str, str, list[str]]:
    return _SUBRESOURCES.get(name, (defn.group, defn.version, defn.kind, _READ_WRITE))


def _subresources(defn: Definition) -> list[str]:
    """Those of this version: another version of a custom kind may have others."""
    absent = {"status"} if not defn.has_status else set()
    absent |= {"scale"} if defn.scale is None else set()
    return [name for name in defn.rtype.subresources if name not in absent]


def api_resource_list(group: str, version: str, definitions: Iterable[Definition]) -> Body | None:
    """`/api/v1` and `/apis/<group>/<version>`, subresources included."""
    resources: list[Body] = []
    for defn in definitions:
        if (defn.group, defn.version) != (group, version):
            continue
        rtype = defn.rtype
        resources.append(
            {
                "name": rtype.plural, "singularName": defn.singular, "namespaced": rtype.namespaced, "kind": rtype.kind,
                "verbs": list(rtype.verbs),
                **({"shortNames": list(rtype.short_names)} if rtype.short_names else {}),
                **({"categories": list(rtype.categories)} if rtype.categories else {}),
                "storageVersionHash": _storage_hash(defn),
            }
        )  # fmt: skip
        for name in _subresources(defn):
            sub_group, sub_version, kind, verbs = _subresource(defn, name)
            entry: Body = {
                "name": f"{rtype.plural}/{name}", "singularName": "", "namespaced": rtype.namespaced, "kind": kind,
                "verbs": verbs,
            }  # fmt: skip
            if (sub_group, sub_version) != (group, version):
                entry |= {"group": sub_group, "version": sub_version}
            resources.append(entry)
    if not resources:
        return None
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def _storage_hash(defn: Definition) -> str:
    text = f"{defn.group}/{defn.rtype.version}/{defn.kind}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def aggregated(core: bool, definitions: Iterable[Definition], version: str = "v2") -> Body:
    """APIGroupDiscoveryList of `/api` (core) or `/apis`; `version` is v2 or v2beta1."""
    definitions = tuple(definitions)
    items = []
    for group in [""] if core else _groups(definitions):
        versions = [
            {
                "version": name,
                "freshness": "Current",
                "resources": [_aggregated_resource(d) for d in definitions if (d.group, d.version) == (group, name)],
            }
            for name in _versions(group, definitions)
        ]
        items.append({"metadata": {"name": group, "creationTimestamp": None}, "versions": versions})
    api_version = f"apidiscovery.k8s.io/{version}"
    return {"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items}


def _aggregated_resource(defn: Definition) -> Body:
    rtype = defn.rtype
    subresources = []
    for name in _subresources(defn):
        group, version, kind, verbs = _subresource(defn, name)
        response = {"group": group, "version": version, "kind": kind}
        subresources.append({"subresource": name, "responseKind": response, "verbs": verbs})
    return {
        "resource": rtype.plural,
        "responseKind": {"group": rtype.group, "version": defn.version, "kind": rtype.kind},
        "scope": "Namespaced" if rtype.namespaced else "Cluster",
        "singularResource": defn.singular,
        "verbs": list(rtype.verbs),
        **({"shortNames": list(rtype.short_names)} if rtype.short_names else {}),
        **({"categories": list(rtype.categories)} if rtype.categories else {}),
        **({"subresources": subresources} if subresources else {}),
    }
