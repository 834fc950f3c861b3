"""The CustomResourceDefinitions of Istio's kinds, generated from their typed messages.

Every served version has the same schema, so no conversion is needed. Versions, names and columns follow Istio's
manifests/charts/base/files/crd-all.gen.yaml.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tejer.kube import types
from tejer.kube.kinds import istio_extensions, istio_networking, istio_security, istio_telemetry
from tejer.kube.kinds.base import Kind
from tejer.kube.resource import Body
from tejer.kube.schema import schema_of
from tejer.kube.types import ResourceType


class Column(NamedTuple):
    """A column that `kubectl get` prints. Source: the additionalPrinterColumns of a CRD."""

    name: str
    path: str
    description: str
    type: str = "string"


AGE = Column("Age", ".metadata.creationTimestamp", "Time since the object was created.", "date")

COLUMNS: dict[str, tuple[Column, ...]] = {
    "VirtualService": (
        Column("Gateways", ".spec.gateways", "The gateways and sidecars that apply these routes."),
        Column("Hosts", ".spec.hosts", "The hosts whose traffic is routed."),
        AGE,
    ),
    "DestinationRule": (Column("Host", ".spec.host", "The host the policy is for."), AGE),
    "ServiceEntry": (
        Column("Hosts", ".spec.hosts", "The hosts of the entry."),
        Column("Location", ".spec.location", "Whether the service is part of the mesh."),
        Column("Resolution", ".spec.resolution", "How the endpoints are found."),
        AGE,
    ),
    "WorkloadEntry": (AGE, Column("Address", ".spec.address", "The address of the endpoint.")),
    "WorkloadGroup": (AGE,),
    "AuthorizationPolicy": (Column("Action", ".spec.action", "What the policy does."), AGE),
    "PeerAuthentication": (Column("Mode", ".spec.mtls.mode", "The mutual TLS mode."), AGE),
    "Telemetry": (AGE,),
    "WasmPlugin": (AGE,),
    "TrafficExtension": (AGE,),
}

KINDS: tuple[tuple[ResourceType, type[Kind]], ...] = (
    (types.VIRTUALSERVICES, istio_networking.VirtualService),
    (types.DESTINATIONRULES, istio_networking.DestinationRule),
    (types.GATEWAYS, istio_networking.Gateway),
    (types.SERVICEENTRIES, istio_networking.ServiceEntry),
    (types.SIDECARS, istio_networking.Sidecar),
    (types.WORKLOADENTRIES, istio_networking.WorkloadEntry),
    (types.WORKLOADGROUPS, istio_networking.WorkloadGroup),
    (types.ENVOYFILTERS, istio_networking.EnvoyFilter),
    (types.PROXYCONFIGS, istio_networking.ProxyConfig),
    (types.AUTHORIZATIONPOLICIES, istio_security.AuthorizationPolicy),
    (types.PEERAUTHENTICATIONS, istio_security.PeerAuthentication),
    (types.REQUESTAUTHENTICATIONS, istio_security.RequestAuthentication),
    (types.TELEMETRIES, istio_telemetry.Telemetry),
    (types.WASMPLUGINS, istio_extensions.WasmPlugin),
    (types.TRAFFICEXTENSIONS, istio_extensions.TrafficExtension),
)
"""Each served kind and the message that is its one source."""


def crds() -> list[Body]:
    """All CustomResourceDefinitions, in the order of `KINDS`."""
    return [crd(rtype, kind) for rtype, kind in KINDS]


def crd(rtype: ResourceType, kind: type[Kind]) -> Body:
    """The CustomResourceDefinition of one kind."""
    names: Body = {
        "kind": rtype.kind, "listKind": rtype.list_kind, "plural": rtype.plural, "singular": rtype.singular,
        "categories": list(rtype.categories),
    }  # fmt: skip
    if rtype.short_names:
        names["shortNames"] = list(rtype.short_names)
    schema = object_schema(kind)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{rtype.plural}.{rtype.group}",
            "labels": {"app": "istio-pilot", "chart": "istio", "release": "istio"},
        },
        "spec": {
            "group": rtype.group,
            "names": names,
            "scope": "Namespaced" if rtype.namespaced else "Cluster",
            "versions": [_version(rtype, version, schema) for version in rtype.versions],
        },
    }


def object_schema(kind: type[Kind]) -> dict[str, Any]:
    """The schema of a whole object: `spec` and `status`; the API server adds what every object has."""
    return schema_of(kind, "spec", "status")


def _version(rtype: ResourceType, version: str, schema: dict[str, Any]) -> Body:
    result: Body = {
        "name": version,
        "served": True,
        "storage": version == rtype.version,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    if columns := COLUMNS.get(rtype.kind):
        result["additionalPrinterColumns"] = [
            {"name": name, "jsonPath": path, "description": description, "type": type_}
            for name, path, description, type_ in columns
        ]
    return result
