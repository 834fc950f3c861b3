"""The mesh's own set-up: external control planes, networks, istiod's environment, Gateway API.

IST0126, 0163, 0164, 0166, 0175, 0176. Source: Istio's pkg/config/analysis/analyzers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from tejer.istiod.checks import texts
from tejer.istiod.checks.world import Analyzer, World, found, selects
from tejer.kube.kinds import apps, core
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Body, Key, metadata, name_of, namespace_of
from tejer.kube.types import (
    AUTHORIZATIONPOLICIES,
    CUSTOMRESOURCEDEFINITIONS,
    DEPLOYMENTS,
    MUTATINGWEBHOOKS,
    PODS,
    REQUESTAUTHENTICATIONS,
    SECRETS,
    TELEMETRIES,
    VALIDATINGWEBHOOKS,
    WASMPLUGINS,
)

WEBHOOK_NAMES = ("istio-validator", "istiod-default-validator", "istio-sidecar-injector")
REGISTRIES = ("Kubernetes", "Mock", "External")
BLOCKED_CIDRS = "BLOCKED_CIDRS_IN_JWKS_URIS"
GATEWAY_API = "gateway.networking.k8s.io"
GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
MINIMUM_BUNDLE = {"tlsroutes": (1, 5, 0)}
"""Where a Gateway API kind changed, the oldest bundle whose CRD is read."""
BUNDLE = "gateway.networking.k8s.io/bundle-version"


def analyze_external(world: World) -> Iterator[Problem]:
    """A webhook by URL, as with a control plane elsewhere, must name a host."""
    for rtype in (VALIDATINGWEBHOOKS, MUTATINGWEBHOOKS):
        for body in world.of(rtype):
            if not name_of(body).startswith(WEBHOOK_NAMES):
                continue
            for index, hook in enumerate(body.get("webhooks") or ()):
                config = hook.get("clientConfig") or {}
                if "url" not in config and config.get("service"):
                    continue
                field = f"webhooks[{index}].clientConfig.url"
                host = urlsplit(str(config.get("url") or "")).hostname or ""
                if not host:
                    yield found(
                        body, "IST0163",
                        f"The hostname ({config.get('url') or ''}) that was provided for the webhook "
                        f"({hook.get('name')}) to reach the ingress gateway on the external control plane cluster is "
                        "blank. Traffic may not flow properly.",
                        field,
                    )  # fmt: skip
                elif texts.is_address(host):
                    yield found(
                        body, "IST0164",
                        f"The address ({host}) that was provided for the webhook ({hook.get('name')}) to reach the "
                        "ingress gateway on the external control plane cluster is an IP address. This is not "
                        "recommended for a production environment.",
                        field,
                    )  # fmt: skip


def analyze_networks(world: World) -> Iterator[Problem]:
    networks = (world.mesh_networks or {}).get("networks") or {}
    known = set(REGISTRIES)
    for body in world.of(SECRETS):
        if (metadata(body).get("labels") or {}).get("istio/multiCluster") == "true":
            known |= {name for field in ("data", "stringData") for name in body.get(field) or {}}
    for name, network in networks.items():
        for index, endpoint in enumerate((network or {}).get("endpoints") or ()):
            registry = str(endpoint.get("fromRegistry") or "")
            if registry and registry not in known:
                yield Problem(
                    severity=Severity.ERROR, code="IST0126", kind="MeshNetworks",
                    key=Key("", "meshnetworks", world.istio_namespace, "meshnetworks"),
                    field=f"networks.{name}.endpoints[{index}].fromRegistry",
                    message=f"Unknown service registry {registry} in network {name}",
                )  # fmt: skip


def analyze_cidrs(world: World) -> Iterator[Problem]:
    """istiod fetches the keys of tokens: without a block list a jwksUri reaches anything it can reach."""
    if not world.of(REQUESTAUTHENTICATIONS):
        return
    for item in world.typed(DEPLOYMENTS, apps.Deployment):
        template = item.value.spec.template
        if template is None or template.metadata.labels.get("app") != "istiod":
            continue
        names = {variable.name for container in template.spec.containers for variable in container.env}
        if BLOCKED_CIDRS not in names:
            yield found(
                item.body, "IST0175",
                f"RequestAuthentication resources exist but {BLOCKED_CIDRS} is not set on istiod: jwksUri fetches are "
                "not restricted.",
            )  # fmt: skip


def analyze_crd_versions(world: World) -> Iterator[Problem]:
    for body in world.of(CUSTOMRESOURCEDEFINITIONS):
        plural, _, group = name_of(body).partition(".")
        minimum = MINIMUM_BUNDLE.get(plural)
        if group != GATEWAY_API or minimum is None:
            continue
        text = str((metadata(body).get("annotations") or {}).get(BUNDLE, ""))
        match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text)
        if match and tuple(int(part) for part in match.groups()) < minimum:
            yield found(
                body, "IST0176",
                f"The Gateway API CRD {name_of(body)} has version {text}, below the minimum v"
                f"{'.'.join(map(str, minimum))}: resources of this kind are not read.",
            )  # fmt: skip


def analyze_gateway_selectors(world: World) -> Iterator[Problem]:
    """A policy that selects the pods of a Gateway API gateway by label does nothing there: it takes targetRefs."""
    pods = [pod for pod in world.typed(PODS, core.Pod) if GATEWAY_NAME in pod.value.metadata.labels]
    for rtype in (AUTHORIZATIONPOLICIES, REQUESTAUTHENTICATIONS, TELEMETRIES, WASMPLUGINS):
        for body in world.of(rtype):
            selector = _selector(body)
            for pod in pods:
                labels = pod.value.metadata.labels
                if selector and pod.namespace == namespace_of(body) and selects(selector, labels):
                    name = labels[GATEWAY_NAME]
                    text = f"Ineffective selector on Kubernetes Gateway {name}. Use the TargetRef field instead."
                    yield found(body, "IST0166", text, "spec.selector")
                    break


def _selector(body: Body) -> dict[str, str]:
    spec = body.get("spec")
    selector = spec.get("selector") if isinstance(spec, dict) else None
    labels = selector.get("matchLabels") if isinstance(selector, dict) else None
    return labels if isinstance(labels, dict) else {}


ANALYZERS = (
    Analyzer("authn.BlockedCIDRsAnalyzer", (DEPLOYMENTS, REQUESTAUTHENTICATIONS), analyze_cidrs),
    Analyzer("externalcontrolplane.ExternalControlPlaneAnalyzer", (VALIDATINGWEBHOOKS, MUTATINGWEBHOOKS),
             analyze_external),
    Analyzer("k8sgateway.SelectorAnalyzer", (PODS,), analyze_gateway_selectors),
    Analyzer("k8sgateway.CRDVersionAnalyzer", (CUSTOMRESOURCEDEFINITIONS,), analyze_crd_versions),
    Analyzer("meshnetworks.MeshNetworksAnalyzer", (SECRETS,), analyze_networks),
)  # fmt: skip
