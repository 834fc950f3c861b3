"""Istio's annotations: the kinds each may be on, and whether it is deprecated.

Source: Istio's api, annotation/annotations.yaml.
"""

from __future__ import annotations

from typing import NamedTuple


class Annotation(NamedTuple):
    """`kinds` is ("Any",) where any object may have it."""

    kinds: tuple[str, ...]
    deprecated: bool = False


MATURE = frozenset((
    "ambient.istio.io/redirection", "kubernetes.io/ingress.class", "proxy.istio.io/config", "sidecar.istio.io/inject",
    "sidecar.istio.io/proxyMemoryLimit", "sidecar.istio.io/userVolumeMount", "traffic.istio.io/nodeSelector",
    "traffic.sidecar.istio.io/includeInboundPorts",
))  # fmt: skip
"""Those that are not alpha."""

ANNOTATIONS: dict[str, Annotation] = {
    "alpha.istio.io/canonical-serviceaccounts": Annotation(("Service",), True),
    "alpha.istio.io/kubernetes-serviceaccounts": Annotation(("Service",), True),
    "ambient.istio.io/bypass-inbound-capture": Annotation(("Pod",)),
    "ambient.istio.io/dns-capture": Annotation(("Pod",)),
    "ambient.istio.io/redirection": Annotation(("Pod",)),
    "ambient.istio.io/waypoint-inbound-binding": Annotation(("GatewayClass", "Gateway")),
    "galley.istio.io/analyze-suppress": Annotation(("Any",)),
    "gateway.istio.io/controller-version": Annotation(("Any",)),
    "gateway.istio.io/name-override": Annotation(("Gateway",)),
    "gateway.istio.io/service-account": Annotation(("Gateway",)),
    "inject.istio.io/templates": Annotation(("Pod",)),
    "istio.io/autoRegistrationGroup": Annotation(("WorkloadEntry",)),
    "istio.io/connectedAt": Annotation(("WorkloadEntry",)),
    "istio.io/disconnectedAt": Annotation(("WorkloadEntry",)),
    "istio.io/dry-run": Annotation(("AuthorizationPolicy",)),
    "istio.io/reroute-virtual-interfaces": Annotation(("Pod",)),
    "istio.io/rev": Annotation(("Pod",)),
    "istio.io/use-waypoint-canary-weight": Annotation(("Service", "ServiceEntry", "Namespace")),
    "istio.io/workloadController": Annotation(("WorkloadEntry",)),
    "kubernetes.io/ingress.class": Annotation(("Ingress",)),
    "networking.istio.io/exportTo": Annotation(("Service",)),
    "networking.istio.io/service-type": Annotation(("Gateway",)),
    "networking.istio.io/traffic-distribution": Annotation(("Namespace", "Service", "ServiceEntry")),
    "prometheus.istio.io/merge-metrics": Annotation(("Pod",)),
    "proxy.istio.io/config": Annotation(("Pod",)),
    "proxy.istio.io/overrides": Annotation(("Pod",)),
    "readiness.status.sidecar.istio.io/applicationPorts": Annotation(("Pod",)),
    "readiness.status.sidecar.istio.io/failureThreshold": Annotation(("Pod",)),
    "readiness.status.sidecar.istio.io/initialDelaySeconds": Annotation(("Pod",)),
    "readiness.status.sidecar.istio.io/periodSeconds": Annotation(("Pod",)),
    "sidecar.istio.io/agentLogLevel": Annotation(("Pod",)),
    "sidecar.istio.io/bootstrapOverride": Annotation(("Pod",)),
    "sidecar.istio.io/componentLogLevel": Annotation(("Pod",)),
    "sidecar.istio.io/discoveryAddress": Annotation(("Pod",), True),
    "sidecar.istio.io/extraStatTags": Annotation(("Pod",), True),
    "sidecar.istio.io/inject": Annotation(("Pod",), True),
    "sidecar.istio.io/interceptionMode": Annotation(("Pod",)),
    "sidecar.istio.io/logLevel": Annotation(("Pod",)),
    "sidecar.istio.io/nativeSidecar": Annotation(("Pod",)),
    "sidecar.istio.io/proxyCPU": Annotation(("Pod",)),
    "sidecar.istio.io/proxyCPULimit": Annotation(("Pod",)),
    "sidecar.istio.io/proxyImage": Annotation(("Pod",)),
    "sidecar.istio.io/proxyImageType": Annotation(("Pod",)),
    "sidecar.istio.io/proxyMemory": Annotation(("Pod",)),
    "sidecar.istio.io/proxyMemoryLimit": Annotation(("Pod",)),
    "sidecar.istio.io/rewriteAppHTTPProbers": Annotation(("Pod",)),
    "sidecar.istio.io/statsCompression": Annotation(("Pod",), True),
    "sidecar.istio.io/statsEvictionInterval": Annotation(("Pod",)),
    "sidecar.istio.io/statsFlushInterval": Annotation(("Pod",)),
    "sidecar.istio.io/statsHistogramBins": Annotation(("Pod",)),
    "sidecar.istio.io/statsHistogramBuckets": Annotation(("Pod",)),
    "sidecar.istio.io/statsInclusionPrefixes": Annotation(("Pod",), True),
    "sidecar.istio.io/statsInclusionRegexps": Annotation(("Pod",), True),
    "sidecar.istio.io/statsInclusionSuffixes": Annotation(("Pod",), True),
    "sidecar.istio.io/status": Annotation(("Pod",)),
    "sidecar.istio.io/userVolume": Annotation(("Pod",)),
    "sidecar.istio.io/userVolumeMount": Annotation(("Pod",)),
    "status.sidecar.istio.io/port": Annotation(("Pod",)),
    "topology.istio.io/controlPlaneClusters": Annotation(("Namespace",)),
    "traffic.istio.io/nodeSelector": Annotation(("Service",)),
    "traffic.sidecar.istio.io/excludeInboundPorts": Annotation(("Pod",)),
    "traffic.sidecar.istio.io/excludeInterfaces": Annotation(("Pod",)),
    "traffic.sidecar.istio.io/excludeOutboundIPRanges": Annotation(("Pod",)),
    "traffic.sidecar.istio.io/excludeOutboundPorts": Annotation(("Pod",)),
    "traffic.sidecar.istio.io/includeInboundPorts": Annotation(("Pod",)),
    "traffic.sidecar.istio.io/includeOutboundIPRanges": Annotation(("Pod",)),
    "traffic.sidecar.istio.io/includeOutboundPorts": Annotation(("Pod",)),
    "traffic.sidecar.istio.io/kubevirtInterfaces": Annotation(("Pod",), True),
}
