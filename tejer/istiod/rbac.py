"""What istiod may do, as data: `tejer install` ships it as a ClusterRole and a Role; istiod runs under exactly that.

Each entry is an RBAC PolicyRule. Why each is needed stands beside it; an istiod feature that needs more adds it here.
"""

from __future__ import annotations

from tejer.kube.resource import Body

READ = ("get", "list", "watch")
WEBHOOK_KINDS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
WEBHOOKS = ("istio-sidecar-injector", "istio-validator-istio-system")

ISTIO_GROUPS = ("networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io")


def _rule(
    groups: tuple[str, ...], resources: tuple[str, ...], verbs: tuple[str, ...], *, names: tuple[str, ...] = ()
) -> Body:
    rule: Body = {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}
    if names:
        rule["resourceNames"] = list(names)
    return rule


CLUSTER_RULES: tuple[Body, ...] = (
    # The model: services, their endpoints and workloads; namespaces for labels and the root certificate.
    _rule(("",), ("namespaces", "nodes", "pods", "services"), READ),
    _rule(("discovery.k8s.io",), ("endpointslices",), READ),
    # Configuration; what is wrong with it is written into its status, and said in events, by the leader.
    _rule(("",), ("events",), ("create", "delete")),
    _rule(ISTIO_GROUPS, ("*",), READ),
    _rule(
        ISTIO_GROUPS,
        ("virtualservices/status", "destinationrules/status", "gateways/status", "serviceentries/status",
         "sidecars/status", "workloadentries/status", "workloadgroups/status", "envoyfilters/status",
         "proxyconfigs/status", "authorizationpolicies/status", "peerauthentications/status",
         "requestauthentications/status", "telemetries/status", "wasmplugins/status", "trafficextensions/status"),
        ("get", "update", "patch"),
    ),
    # Gateway TLS secrets, and whether a gateway's ServiceAccount may read them.
    _rule(("",), ("secrets",), READ),
    # Who is calling: tokens of proxies and of people who ask for debug pages.
    _rule(("authentication.k8s.io",), ("tokenreviews",), ("create",)),
    _rule(("authorization.k8s.io",), ("subjectaccessreviews",), ("create",)),
    # The root certificate for every namespace; MeshConfig is read from istio-system.
    _rule(("",), ("configmaps",), ("create", *READ, "update", "patch")),
    # The CA bundle of our own webhooks.
    _rule(("admissionregistration.k8s.io",), WEBHOOK_KINDS, READ),
    _rule(
        ("admissionregistration.k8s.io",),
        WEBHOOK_KINDS,
        ("update", "patch"),
        names=WEBHOOKS,
    ),
)  # fmt: skip

NAMESPACE_RULES: tuple[Body, ...] = (
    # In istiod's own namespace: the CA's Secret (create can't be limited by name) and the leader's Lease.
    _rule(("",), ("secrets",), ("create",)),
    _rule(("",), ("secrets",), ("get", "update", "patch"), names=("istio-ca-secret",)),
    _rule(("coordination.k8s.io",), ("leases",), ("create",)),
    _rule(("coordination.k8s.io",), ("leases",), ("get", "update", "patch"), names=("istio-leader",)),
)
