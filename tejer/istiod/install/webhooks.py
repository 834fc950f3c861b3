"""The webhook configurations that send pods to the injector and Istio's objects to the validator.

The CA bundle is left out: istiod writes it (`tejer.istiod.webhooks`) with the root of its own CA. Source: Istio's
templates/mutatingwebhook.yaml and validatingwebhookconfiguration.yaml.
"""

from __future__ import annotations

from tejer.istiod.install.base import metadata
from tejer.istiod.install.options import InstallOptions
from tejer.istiod.rbac import ISTIO_GROUPS
from tejer.kube.resource import Body

INJECTOR = "istio-sidecar-injector"
INJECT_LABEL = "sidecar.istio.io/inject"


def _requirement(key: str, operator: str, *values: str) -> Body:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


def injector(options: InstallOptions) -> Body:
    """Namespaces labelled for injection, and single pods that ask for it; by revision and without."""
    rev = options.revision
    no_namespace_label = (
        _requirement("istio-injection", "DoesNotExist"), _requirement("istio.io/rev", "DoesNotExist"),
    )  # fmt: skip
    not_refused = _requirement(INJECT_LABEL, "NotIn", "false")
    hooks = (
        (
            "rev.namespace",
            (_requirement("istio.io/rev", "In", rev), _requirement("istio-injection", "DoesNotExist")),
            (not_refused,),
        ),
        ("rev.object", no_namespace_label, (not_refused, _requirement("istio.io/rev", "In", rev))),
        ("namespace", (_requirement("istio-injection", "In", "enabled"),), (not_refused,)),
        (
            "object",
            no_namespace_label,
            (_requirement(INJECT_LABEL, "In", "true"), _requirement("istio.io/rev", "DoesNotExist")),
        ),
    )
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": metadata(options, INJECTOR, namespaced=False, app="sidecar-injector"),
        "webhooks": [
            _hook(options, f"{name}.sidecar-injector.istio.io", "/inject", ("CREATE",), ("",), ("v1",), ("pods",))
            | {
                "reinvocationPolicy": "Never",
                "namespaceSelector": {"matchExpressions": list(namespaces)},
                "objectSelector": {"matchExpressions": list(objects)},
            }
            for name, namespaces, objects in hooks
        ],
    }


def validator(options: InstallOptions) -> Body:
    """Every create and update of an Istio object is checked before it is stored."""
    hook = _hook(options, "rev.validation.istio.io", "/validate", ("CREATE", "UPDATE"), ISTIO_GROUPS, ("*",), ("*",))
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": metadata(options, f"istio-validator-{options.namespace}", namespaced=False),
        "webhooks": [hook],
    }


def _hook(
    options: InstallOptions,
    name: str,
    path: str,
    operations: tuple[str, ...],
    groups: tuple[str, ...],
    versions: tuple[str, ...],
    resources: tuple[str, ...],
) -> Body:
    return {
        "name": name,
        "clientConfig": {
            "service": {"name": "istiod", "namespace": options.namespace, "path": path, "port": 443},
        },
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 10,
        "rules": [
            {
                "operations": list(operations),
                "apiGroups": list(groups),
                "apiVersions": list(versions),
                "resources": list(resources),
            }
        ],
    }
