"""Every port of the mesh, once. Numbers and meanings are Istio's ("Ports used by Istio"), so tools find us there.

`ARCHITECTURE.md` prints this table; a test keeps the two equal.
"""

from __future__ import annotations

from typing import NamedTuple


class Port(NamedTuple):
    """`bound` is where the process listens; `access` who may speak to it and how they prove it."""

    number: int
    process: str
    bound: str
    access: str
    purpose: str


ENVOY_ADMIN = 15000
ENVOY_OUTBOUND = 15001
ENVOY_INBOUND = 15006
AGENT_STATUS = 15020
ENVOY_READY = 15021
ENVOY_METRICS = 15090
ISTIOD_XDS_PLAIN = 15010
ISTIOD_XDS = 15012
ISTIOD_MONITORING = 15014
ISTIOD_WEBHOOKS = 15017
ISTIOD_HEALTH = 8080
GRAFANA = 3000
PROMETHEUS = 9090
JAEGER = 16686
OTLP_GRPC = 4317
OTLP_HTTP = 4318
ZIPKIN = 9411

PORTS: tuple[Port, ...] = (
    Port(6443, "API server", "127.0.0.1 and the pods' bridge", "client certificate or token, RBAC", "Kubernetes API"),
    Port(53, "DNS", "the cluster DNS address", "pods", "names of Services and pods"),
    Port(8080, "ingress", "127.0.0.1", "local users", "HTTP into the mesh, by the ingress gateway"),
    Port(8443, "ingress", "127.0.0.1", "local users", "HTTPS into the mesh, by the ingress gateway"),
    Port(ISTIOD_HEALTH, "istiod", "pod", "the node's probes", "readiness"),
    Port(ISTIOD_XDS_PLAIN, "istiod", "pod, loopback only", "processes of the pod", "xDS in plaintext, for debugging"),
    Port(ISTIOD_XDS, "istiod", "pod", "workload certificate (xDS) or ServiceAccount token (CA)", "xDS and CA over TLS"),
    Port(ISTIOD_MONITORING, "istiod", "pod", "ServiceAccount token, RBAC", "metrics and debug pages"),
    Port(ISTIOD_WEBHOOKS, "istiod", "pod", "the API server, by TLS", "injection and validation webhooks"),
    Port(ENVOY_ADMIN, "Envoy", "pod, loopback only", "processes of the pod", "administration"),
    Port(ENVOY_OUTBOUND, "Envoy", "pod", "captured traffic", "what the app sends"),
    Port(ENVOY_INBOUND, "Envoy", "pod", "mutual TLS as the policy says", "what the app receives"),
    Port(AGENT_STATUS, "agent", "pod", "the node's probes and scrapers", "merged metrics, the app's rewritten probes"),
    Port(ENVOY_READY, "Envoy", "pod", "the node's probes", "readiness of the proxy"),
    Port(ENVOY_METRICS, "Envoy", "pod", "scrapers", "Envoy's own metrics"),
    Port(PROMETHEUS, "prometheus", "pod", "token or one-time link, RBAC on services/proxy", "queries, /metrics"),
    Port(GRAFANA, "grafana", "pod", "token or one-time link, RBAC on services/proxy", "dashboards"),
    Port(JAEGER, "jaeger", "pod", "token or one-time link, RBAC on services/proxy", "traces, access logs, /metrics"),
    Port(OTLP_GRPC, "jaeger", "pod", "pods of the mesh, within limits", "spans and access logs by OTLP over gRPC"),
    Port(OTLP_HTTP, "jaeger", "pod", "pods of the mesh, within limits", "spans and access logs by OTLP over HTTP"),
    Port(ZIPKIN, "jaeger", "pod", "pods of the mesh, within limits", "spans by Zipkin's v2 JSON"),
)
