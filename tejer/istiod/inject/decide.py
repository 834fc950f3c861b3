"""Does this pod get a sidecar? Istio's rules (pkg/kube/inject/inject.go and templates/mutatingwebhook.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tejer.istiod.inject.config import IGNORED_NAMESPACES, InjectConfig
from tejer.kube.resource import Body, metadata
from tejer.kube.selectors import label_selector

INJECT = "sidecar.istio.io/inject"
REVISION = "istio.io/rev"
NAMESPACE_INJECTION = "istio-injection"
_YES = frozenset({"y", "yes", "true", "on"})


class Decision(NamedTuple):
    """`why` is for people: the webhook's log and `tejer x check-inject`."""

    inject: bool
    why: str


def decide(
    pod: Body, namespace: str, config: InjectConfig, namespace_labels: Mapping[str, str] | None = None
) -> Decision:
    """With `namespace_labels` None only the pod and the mesh's policy count: the caller has chosen the namespace."""
    meta = metadata(pod)
    labels: Mapping[str, str] = meta.get("labels") or {}
    if (pod.get("spec") or {}).get("hostNetwork"):
        return Decision(False, "it uses the host's network")
    if namespace in IGNORED_NAMESPACES:
        return Decision(False, f"namespace {namespace} never gets sidecars")
    if namespace_labels is not None:
        selected = selected_by_webhook(namespace_labels, labels, config.revision)
        if not selected.inject:
            return selected
    wish = labels.get(INJECT, (meta.get("annotations") or {}).get(INJECT, ""))
    if wish:
        inject = wish.lower() in _YES
        return Decision(inject, f"{INJECT} is {wish!r}")
    if any(label_selector(selector).matches(labels) for selector in config.never_inject):
        return Decision(False, "neverInjectSelector matches it")
    if any(label_selector(selector).matches(labels) for selector in config.always_inject):
        return Decision(True, "alwaysInjectSelector matches it")
    return Decision(config.policy == "enabled", f"the mesh's injection policy is {config.policy}")


def selected_by_webhook(namespace: Mapping[str, str], pod: Mapping[str, str], revision: str = "default") -> Decision:
    """What the selectors of MutatingWebhookConfiguration `istio-sidecar-injector` say, given both objects' labels."""
    injection, namespace_revision = namespace.get(NAMESPACE_INJECTION), namespace.get(REVISION)
    if pod.get(INJECT) == "false":
        return Decision(False, f"its label {INJECT} is 'false'")
    if injection == "enabled":
        chosen = revision == "default"
        return Decision(chosen, f"namespace label {NAMESPACE_INJECTION}=enabled stands for the default revision")
    if injection is not None:
        return Decision(False, f"namespace label {NAMESPACE_INJECTION} is {injection!r}")
    if namespace_revision is not None:
        return Decision(namespace_revision == revision, f"namespace label {REVISION} is {namespace_revision!r}")
    if (pod_revision := pod.get(REVISION)) is not None:
        return Decision(pod_revision == revision, f"its label {REVISION} is {pod_revision!r}")
    if pod.get(INJECT) == "true":
        return Decision(revision == "default", f"its label {INJECT} is 'true'")
    return Decision(False, f"neither the namespace nor the pod asks for it (label {NAMESPACE_INJECTION}=enabled)")
