"""The default roles and bindings, as data. Source: Kubernetes' `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`."""

from __future__ import annotations

from collections.abc import Iterable

from tejer.kube.resource import Body

_API = "rbac.authorization.k8s.io/v1"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_ANNOTATIONS = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "deletecollection", "patch", "update")


def _rule(groups: Iterable[str], resources: Iterable[str], verbs: Iterable[str]) -> Body:
    return {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}


def _paths(paths: Iterable[str]) -> Body:
    return {"nonResourceURLs": list(paths), "verbs": ["get"]}


_LARGER = {"view": "edit", "edit": "admin"}
"""Which role holds all of another: `edit` is made of its own part and of `view`, `admin` of its own and of `edit`."""


def _aggregated_to(name: str) -> dict[str, str]:
    return {f"rbac.authorization.k8s.io/aggregate-to-{name}": "true"} if name else {}


def _role(name: str, *rules: Body, to: str = "", collects: str = "") -> Body:
    """A ClusterRole; `to` labels it as part of an aggregate, `collects` makes it one."""
    labels = dict(_LABELS)
    if to or collects:
        labels.update(_aggregated_to(to or _LARGER.get(collects, "")))
    body: Body = {
        "apiVersion": _API, "kind": "ClusterRole",
        "metadata": {"name": name, "labels": labels, "annotations": dict(_ANNOTATIONS)},
    }  # fmt: skip
    if collects:
        label = {f"rbac.authorization.k8s.io/aggregate-to-{collects}": "true"}
        body["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": label}]}
    else:
        body["rules"] = list(rules)
    return body


_CORE_SHOWN = (
    "configmaps", "endpoints", "persistentvolumeclaims", "persistentvolumeclaims/status", "pods", "serviceaccounts",
    "services", "services/status",
)  # fmt: skip
_CORE_STATUS = ("bindings", "events", "limitranges", "namespaces/status", "pods/log", "pods/status", "namespaces")
_APPS_SHOWN = (
    "deployments", "deployments/scale", "deployments/status", "replicasets", "replicasets/scale", "replicasets/status",
    "statefulsets", "statefulsets/scale", "statefulsets/status", "daemonsets", "daemonsets/status",
    "controllerrevisions",
)  # fmt: skip
_APPS_EDITED = (
    "deployments", "deployments/rollback", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets",
    "statefulsets/scale", "daemonsets",
)  # fmt: skip
_CORE_EDITED = ("configmaps", "endpoints", "events", "persistentvolumeclaims", "services", "services/proxy")
_SECRET_READS = ("pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy")
_POD_EDITS = ("pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy")

CLUSTER_ROLES: tuple[Body, ...] = (
    _role("cluster-admin", _rule("*", "*", "*"), {"nonResourceURLs": ["*"], "verbs": ["*"]}),
    _role("admin", collects="admin"),
    _role("edit", collects="edit"),
    _role("view", collects="view"),
    _role(
        "system:aggregate-to-view",
        _rule([""], (*_CORE_SHOWN, *_CORE_STATUS), _READ),
        _rule(["apps"], _APPS_SHOWN, _READ),
        _rule(["discovery.k8s.io"], ["endpointslices"], _READ),
        to="view",
    ),
    _role(
        "system:aggregate-to-edit",
        _rule([""], _SECRET_READS, _READ),
        _rule([""], ["serviceaccounts"], ["impersonate"]),
        _rule([""], _POD_EDITS, _WRITE),
        _rule([""], ["pods/eviction", "serviceaccounts/token"], ["create"]),
        _rule([""], (*_CORE_EDITED, "secrets", "serviceaccounts"), _WRITE),
        _rule(["apps"], _APPS_EDITED, _WRITE),
        _rule(["coordination.k8s.io"], ["leases"], (*_READ, *_WRITE)),
        to="edit",
    ),
    _role(
        "system:aggregate-to-admin",
        _rule(["authorization.k8s.io"], ["localsubjectaccessreviews"], ["create"]),
        _rule(["rbac.authorization.k8s.io"], ["roles", "rolebindings"], (*_READ, *_WRITE)),
        to="admin",
    ),
    _role("system:discovery", _paths(("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi",
                                      "/openapi/*", "/readyz", "/version", "/version/"))),
    _role("system:public-info-viewer", _paths(("/healthz", "/livez", "/readyz", "/version", "/version/"))),
    _role(
        "system:basic-user",
        _rule(["authorization.k8s.io"], ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
        _rule(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"]),
    ),
    _role("system:service-account-issuer-discovery", _paths(("/.well-known/openid-configuration", "/openid/v1/jwks"))),
    _role(
        "system:auth-delegator",
        _rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
        _rule(["authorization.k8s.io"], ["subjectaccessreviews"], ["create"]),
    ),
)  # fmt: skip
"""Everything a fresh cluster grants."""


def _binding(role: str, *groups: str) -> Body:
    api = "rbac.authorization.k8s.io"
    return {
        "apiVersion": _API, "kind": "ClusterRoleBinding",
        "metadata": {"name": role, "labels": dict(_LABELS), "annotations": dict(_ANNOTATIONS)},
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": api, "kind": "Group", "name": group} for group in groups],
    }  # fmt: skip


CLUSTER_ROLE_BINDINGS: tuple[Body, ...] = (
    _binding("cluster-admin", "system:masters"),
    _binding("system:discovery", "system:authenticated"),
    _binding("system:basic-user", "system:authenticated"),
    _binding("system:public-info-viewer", "system:authenticated", "system:unauthenticated"),
    _binding("system:service-account-issuer-discovery", "system:serviceaccounts"),
)

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
