"""`ResourceType`: how a kind is addressed over REST. `BUILTIN_TYPES` and `ISTIO_TYPES` are the tables of contents.

Source: Kubernetes 1.33 API reference; for Istio's kinds, istio.io/docs/reference/config.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from tejer.kube.resource import Body, Key, metadata

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CREATE_ONLY = ("create",)


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One resource as the API server serves it. `version` is the storage version, `versions` all that are served."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    served: tuple[str, ...] = ()

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def versions(self) -> tuple[str, ...]:
        return self.served or (self.version,)

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        return f"{self.kind}List"

    def path(self, namespace: str = "", name: str = "", subresource: str = "", *, version: str = "") -> str:
        """The REST path: `/apis/apps/v1/namespaces/default/deployments/web/status`."""
        version = version or self.version
        parts = ["/apis", self.group, version] if self.group else ["/api", version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)

    def key(self, namespace: str, name: str) -> Key:
        return Key(self.group, self.plural, namespace if self.namespaced else "", name)

    def key_of(self, body: Body) -> Key:
        meta = metadata(body)
        return self.key(str(meta.get("namespace", "")), str(meta.get("name", "")))


def _core(plural: str, kind: str, short: tuple[str, ...] = (), **more: object) -> ResourceType:
    return ResourceType("", "v1", plural, kind, short_names=short, **more)  # type: ignore[arg-type]


_STATUS = ("status",)
_SCALED = ("status", "scale")
_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_AUTHN = "authentication.k8s.io"
_AUTHZ = "authorization.k8s.io"

POD_SUBRESOURCES = ("status", "log", "exec", "attach", "portforward", "eviction", "binding")

NAMESPACES = _core("namespaces", "Namespace", ("ns",), namespaced=False, subresources=("status", "finalize"))
NODES = _core("nodes", "Node", ("no",), namespaced=False, subresources=_STATUS)
PODS = _core("pods", "Pod", ("po",), categories=("all",), subresources=POD_SUBRESOURCES)
SERVICES = _core("services", "Service", ("svc",), categories=("all",), subresources=_STATUS)
ENDPOINTS = _core("endpoints", "Endpoints", ("ep",))
CONFIGMAPS = _core("configmaps", "ConfigMap", ("cm",))
SECRETS = _core("secrets", "Secret")
SERVICEACCOUNTS = _core("serviceaccounts", "ServiceAccount", ("sa",), subresources=("token",))
EVENTS = _core("events", "Event", ("ev",))
PERSISTENTVOLUMECLAIMS = _core("persistentvolumeclaims", "PersistentVolumeClaim", ("pvc",), subresources=_STATUS)
PERSISTENTVOLUMES = _core("persistentvolumes", "PersistentVolume", ("pv",), namespaced=False, subresources=_STATUS)

DEPLOYMENTS = ResourceType(
    "apps", "v1", "deployments", "Deployment", short_names=("deploy",), categories=("all",), subresources=_SCALED
)
REPLICASETS = ResourceType(
    "apps", "v1", "replicasets", "ReplicaSet", short_names=("rs",), categories=("all",), subresources=_SCALED
)
ENDPOINTSLICES = ResourceType("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
LEASES = ResourceType("coordination.k8s.io", "v1", "leases", "Lease")
STORAGECLASSES = ResourceType(
    "storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False, short_names=("sc",)
)
ROLES = ResourceType(_RBAC, "v1", "roles", "Role")
ROLEBINDINGS = ResourceType(_RBAC, "v1", "rolebindings", "RoleBinding")
CLUSTERROLES = ResourceType(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTERROLEBINDINGS = ResourceType(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
MUTATINGWEBHOOKS = ResourceType(
    _ADMISSION, "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", namespaced=False,
    categories=("api-extensions",),
)  # fmt: skip
VALIDATINGWEBHOOKS = ResourceType(
    _ADMISSION, "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", namespaced=False,
    categories=("api-extensions",),
)  # fmt: skip
CUSTOMRESOURCEDEFINITIONS = ResourceType(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False,
    short_names=("crd", "crds"), categories=("api-extensions",), subresources=_STATUS,
)  # fmt: skip
TOKENREVIEWS = ResourceType(_AUTHN, "v1", "tokenreviews", "TokenReview", namespaced=False, verbs=CREATE_ONLY)
SELFSUBJECTREVIEWS = ResourceType(
    _AUTHN, "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False, verbs=CREATE_ONLY
)
SUBJECTACCESSREVIEWS = ResourceType(
    _AUTHZ, "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False, verbs=CREATE_ONLY
)
SELFSUBJECTACCESSREVIEWS = ResourceType(
    _AUTHZ, "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False, verbs=CREATE_ONLY
)
SELFSUBJECTRULESREVIEWS = ResourceType(
    _AUTHZ, "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespaced=False, verbs=CREATE_ONLY
)
LOCALSUBJECTACCESSREVIEWS = ResourceType(
    _AUTHZ, "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview", verbs=CREATE_ONLY
)

BUILTIN_TYPES: tuple[ResourceType, ...] = (
    NAMESPACES,
    NODES,
    PODS,
    SERVICES,
    ENDPOINTS,
    CONFIGMAPS,
    SECRETS,
    SERVICEACCOUNTS,
    EVENTS,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    DEPLOYMENTS,
    REPLICASETS,
    ENDPOINTSLICES,
    LEASES,
    STORAGECLASSES,
    ROLES,
    ROLEBINDINGS,
    CLUSTERROLES,
    CLUSTERROLEBINDINGS,
    MUTATINGWEBHOOKS,
    VALIDATINGWEBHOOKS,
    CUSTOMRESOURCEDEFINITIONS,
    TOKENREVIEWS,
    SELFSUBJECTREVIEWS,
    SUBJECTACCESSREVIEWS,
    SELFSUBJECTACCESSREVIEWS,
    SELFSUBJECTRULESREVIEWS,
    LOCALSUBJECTACCESSREVIEWS,
)


def _istio(
    group: str, plural: str, kind: str, short: tuple[str, ...], *versions: str, storage: str = ""
) -> ResourceType:
    return ResourceType(
        f"{group}.istio.io", storage or versions[0], plural, kind,
        short_names=short, categories=("istio-io", f"{group}-istio-io"), subresources=_STATUS, served=versions,
    )  # fmt: skip


_NETWORKING = ("v1", "v1beta1", "v1alpha3")

VIRTUALSERVICES = _istio("networking", "virtualservices", "VirtualService", ("vs",), *_NETWORKING)
DESTINATIONRULES = _istio("networking", "destinationrules", "DestinationRule", ("dr",), *_NETWORKING)
GATEWAYS = _istio("networking", "gateways", "Gateway", ("gw",), *_NETWORKING)
SERVICEENTRIES = _istio("networking", "serviceentries", "ServiceEntry", ("se",), *_NETWORKING)
SIDECARS = _istio("networking", "sidecars", "Sidecar", (), *_NETWORKING)
WORKLOADENTRIES = _istio("networking", "workloadentries", "WorkloadEntry", ("we",), *_NETWORKING)
WORKLOADGROUPS = _istio("networking", "workloadgroups", "WorkloadGroup", ("wg",), *_NETWORKING)
ENVOYFILTERS = _istio("networking", "envoyfilters", "EnvoyFilter", (), "v1alpha3")
PROXYCONFIGS = _istio("networking", "proxyconfigs", "ProxyConfig", (), "v1beta1")
AUTHORIZATIONPOLICIES = _istio("security", "authorizationpolicies", "AuthorizationPolicy", ("ap",), "v1", "v1beta1")
PEERAUTHENTICATIONS = _istio("security", "peerauthentications", "PeerAuthentication", ("pa",), "v1", "v1beta1")
REQUESTAUTHENTICATIONS = _istio("security", "requestauthentications", "RequestAuthentication", ("ra",), "v1", "v1beta1")
TELEMETRIES = _istio("telemetry", "telemetries", "Telemetry", ("telemetry",), "v1", "v1alpha1", storage="v1alpha1")
WASMPLUGINS = _istio("extensions", "wasmplugins", "WasmPlugin", (), "v1alpha1")
TRAFFICEXTENSIONS = _istio("extensions", "trafficextensions", "TrafficExtension", (), "v1alpha1")

ISTIO_TYPES: tuple[ResourceType, ...] = (
    VIRTUALSERVICES,
    DESTINATIONRULES,
    GATEWAYS,
    SERVICEENTRIES,
    SIDECARS,
    WORKLOADENTRIES,
    WORKLOADGROUPS,
    ENVOYFILTERS,
    PROXYCONFIGS,
    AUTHORIZATIONPOLICIES,
    PEERAUTHENTICATIONS,
    REQUESTAUTHENTICATIONS,
    TELEMETRIES,
    WASMPLUGINS,
    TRAFFICEXTENSIONS,
)


@lru_cache(1024)
def find_type(api_version: str, kind: str) -> ResourceType | None:
    """The type of an object that says `apiVersion` and `kind`, None for kinds unknown here.

    The answer addresses the object at the version it says (the server wants path and body to agree), which may be
    another than the storage version.
    """
    group, _, version = api_version.rpartition("/")
    for rtype in (*BUILTIN_TYPES, *ISTIO_TYPES):
        if rtype.kind == kind and rtype.group == group and version in rtype.versions:
            return replace(rtype, version=version)
    return None
