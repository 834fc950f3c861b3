"""istiod's own metrics under Istio's names (`pilot_*`, `citadel_server_*`, ...), as text for :15014/metrics.

One `Metrics` is made by the composition root and handed to who counts; there is no global registry. What has no
counterpart here, such as the debounce timer or the XDS cache, is not exported: a constant 0 would look like an answer.
Source: pilot/pkg/xds/monitoring.go, pilot/pkg/model/push_context.go, security/pkg/server/ca/monitoring.go.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tejer.istiod.exposition import Counter, Gauge, Histogram, Metric, Values, exposition
from tejer.istiod.model.census import Census
from tejer.istiod.process import process_metrics

_SIZES = (1, 10_000, 1_000_000, 4_000_000, 10_000_000, 40_000_000)
REJECTED_TYPES = ("cds", "eds", "lds", "rds")


class Metrics:
    """Every metric of istiod; `text()` is the exposition."""

    def __init__(self) -> None:
        started = time.time()
        self.uptime = Gauge(
            "istiod_uptime_seconds", "Current istiod server uptime.", read=lambda: time.time() - started
        )
        self.info = Gauge("pilot_info", "Pilot version and build information.", "version")
        self.build = Gauge("istio_build", "Istio component build info", "component", "tag")
        self.problems = Gauge("tejer_problems", "Problems of configuration by severity.", "severity")
        self._of_xds()
        self._of_the_mesh()
        self._of_the_authority()
        self._of_webhooks()
        self._process = process_metrics()

    def _of_xds(self) -> None:
        self.xds = Gauge("pilot_xds", "Number of endpoints connected to this pilot using XDS.", "version")
        self.triggers = Counter("pilot_push_triggers", "Total number of times a push was triggered.", "type")
        self.pushes = Counter("pilot_xds_pushes", "Pilot build and send of lds, rds, eds and cds.", "type")
        self.rejects = Counter(
            "pilot_total_xds_rejects", "Total number of XDS responses from pilot rejected by proxy.", "type"
        )
        self.rejects_of = {
            short: Gauge(f"pilot_xds_{short}_reject", f"Pilot rejected {short.upper()} configs.", "node")
            for short in REJECTED_TYPES
        }
        self.convergence = Histogram(
            "pilot_proxy_convergence_time", "Delay in seconds between config change and a proxy receiving it."
        )
        self.queue_time = Histogram(
            "pilot_proxy_queue_time", "Time in seconds, a proxy is in the push queue before being dequeued."
        )
        self.push_time = Histogram("pilot_xds_push_time", "Time in seconds to recompute what proxies must have.")
        self.take_in_time = Histogram(
            "pilot_pushcontext_init_seconds", "Time in seconds to take changes into the model of the mesh."
        )
        self.send_time = Histogram("pilot_xds_send_time", "Total time in seconds Pilot takes to send generated config.")
        self.config_size = Histogram(
            "pilot_xds_config_size_bytes", "Bytes of resources in a response.", "type", bounds=_SIZES
        )
        self.internal_errors = Counter("pilot_total_xds_internal_errors", "Total number of internal XDS errors.")

    def _of_the_mesh(self) -> None:
        self.inbound = Counter("pilot_inbound_updates", "Total number of updates received by pilot.", "type")
        self.config_events = Counter("pilot_k8s_cfg_events", "Events from k8s config.", "type", "event")
        self.registry_events = Counter("pilot_k8s_reg_events", "Events from k8s registry.", "type", "event")
        self.services = Gauge("pilot_services", "Total services known to pilot.")
        self.virtual_services = Gauge("pilot_virt_services", "Total virtual services known to pilot.")
        self.no_ip = Gauge("pilot_no_ip", "Pods not found in the endpoint table, possibly invalid.")
        self.not_ready = Gauge("pilot_endpoint_not_ready", "Endpoint found in unready state.")
        self.no_instances = Gauge("pilot_eds_no_instances", "Number of clusters without instances.")
        self.dns_without_endpoints = Gauge(
            "pilot_dns_cluster_without_endpoints", "DNS clusters without endpoints, which proxies do not get."
        )

    def _of_the_authority(self) -> None:
        ca = "citadel_server"
        self.csr = Counter(f"{ca}_csr_count", "The number of CSRs received by Citadel server.")
        self.issued = Counter(f"{ca}_success_cert_issuance_count", "The number of certificates issued successfully.")
        self.csr_unauthenticated = Counter(
            f"{ca}_authentication_failure_count", "The number of authentication failures."
        )
        self.csr_bad = Counter(f"{ca}_csr_parsing_err_count", "The number of errors when parsing the CSR.")
        self.csr_failed = Counter(f"{ca}_csr_sign_err_count", "The number of errors when signing the CSR.")
        about = "The unix timestamp, in seconds, when the {} will expire."
        left = "The time remaining, in seconds, before the {} will expire."
        self.root_expiry = Gauge(f"{ca}_root_cert_expiry_timestamp", about.format("Citadel root cert"))
        self.root_left = Gauge(
            f"{ca}_root_cert_expiry_seconds", left.format("Citadel root cert"), read=_until(self.root_expiry)
        )
        self.chain_expiry = Gauge(f"{ca}_cert_chain_expiry_timestamp", about.format("Citadel cert chain"))
        self.chain_left = Gauge(
            f"{ca}_cert_chain_expiry_seconds", left.format("Citadel cert chain"), read=_until(self.chain_expiry)
        )

    def _of_webhooks(self) -> None:
        self.injections = Counter("sidecar_injection_requests_total", "Total number of sidecar injection requests.")
        self.injected = Counter("sidecar_injection_success_total", "Total number of successful sidecar injections.")
        self.inject_failed = Counter("sidecar_injection_failure_total", "Total number of failed sidecar injections.")
        self.inject_skipped = Counter("sidecar_injection_skip_total", "Total number of skipped sidecar injections.")
        self.injection_time = Histogram("sidecar_injection_time_seconds", "Total time taken for injection in seconds.")
        resource = ("group", "version", "resource")
        self.validated = Counter("galley_validation_passed", "Resource is valid.", *resource)
        self.invalid = Counter("galley_validation_failed", "Resource validation failed.", *resource, "reason")

    def take_census(self, found: Census) -> None:
        self.services.set(found.services)
        self.virtual_services.set(found.virtual_services)
        self.no_ip.set(found.pods_without_address)
        self.not_ready.set(found.endpoints_not_ready)
        self.no_instances.set(found.clusters_without_instances)
        self.dns_without_endpoints.set(found.dns_clusters_without_endpoints)

    def text(self) -> str:
        found: list[Metric] = [m for m in vars(self).values() if isinstance(m, Counter | Histogram)]
        return exposition([*found, *self.rejects_of.values(), *self._process])


def _until(expiry: Gauge) -> Callable[[], Values]:
    """Nothing while the CA isn't known yet."""
    return lambda: {labels: value - time.time() for labels, value in expiry.values.items()}
