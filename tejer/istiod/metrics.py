"""istiod's own metrics under Istio's names (`pilot_*`, `citadel_server_*`), as Prometheus text for :15014/metrics.

One `Metrics` is made by the composition root and handed to who counts; there is no global registry.
Source: pilot/pkg/xds/monitoring.go, security/pkg/server/ca/monitoring.go.
"""

from __future__ import annotations

import resource
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 5, 10, 20, 30)


class Metric(Protocol):
    name: str

    def text(self) -> Iterator[str]: ...


class Counter:
    """A number per label value; `set` makes it a gauge. At most one label, which is all that Istio's have."""

    def __init__(self, name: str, about: str, label: str = "", *, kind: str = "counter") -> None:
        self.name, self.about, self.label, self.kind = name, about, label, kind
        self.values: dict[str, float] = {} if label else {"": 0.0}

    def add(self, value: float = 1, label: str = "") -> None:
        self.values[label] = self.values.get(label, 0.0) + value

    def set(self, value: float, label: str = "") -> None:
        self.values[label] = value

    def text(self) -> Iterator[str]:
        yield from _head(self.name, self.about, self.kind)
        for label, value in self.values.items():
            where = f'{{{self.label}="{escape(label)}"}}' if self.label else ""
            yield f"{self.name}{where} {_number(value)}"


class Gauge(Counter):
    """A number that is set, or asked of `read` when somebody looks."""

    def __init__(self, name: str, about: str, read: Callable[[], float] | None = None, *, label: str = "") -> None:
        super().__init__(name, about, label, kind="gauge")
        self.read = read

    def text(self) -> Iterator[str]:
        if self.read is not None:
            self.values[""] = self.read()
        yield from super().text()


class Histogram:
    """Durations in seconds over fixed bounds."""

    def __init__(self, name: str, about: str, bounds: Sequence[float] = SECONDS) -> None:
        self.name, self.about, self.bounds = name, about, tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def text(self) -> Iterator[str]:
        yield from _head(self.name, self.about, "histogram")
        seen = 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            seen += count
            yield f'{self.name}_bucket{{le="{"+Inf" if bound == float("inf") else _number(bound)}"}} {seen}'
        yield f"{self.name}_sum {_number(self.total)}"
        yield f"{self.name}_count {seen}"


class Metrics:
    """Every metric of istiod; `text()` is the exposition in name order."""

    def __init__(self) -> None:
        started = time.time()
        self.xds = Gauge("pilot_xds", "Number of endpoints connected to this pilot using XDS.")
        self.pushes = Counter("pilot_xds_pushes", "Pilot build and send of lds, rds, eds and cds.", "type")
        self.rejects = Counter("pilot_total_xds_rejects", "Total number of XDS responses from pilot rejected by proxy.")
        self.rejects_of = {
            short: Gauge(f"pilot_xds_{short}_reject", f"Pilot rejected {short.upper()} configs.", label="node")
            for short in ("cds", "eds", "lds", "rds")
        }
        self.convergence = Histogram(
            "pilot_proxy_convergence_time", "Delay in seconds between config change and a proxy receiving it."
        )
        self.push_time = Histogram("pilot_xds_push_time", "Time in seconds to recompute what proxies must have.")
        self.send_time = Histogram("pilot_xds_send_time", "Total time in seconds Pilot takes to send generated config.")
        self.inbound = Counter("pilot_inbound_updates", "Total number of updates received by pilot.", "type")
        self.internal_errors = Counter("pilot_total_xds_internal_errors", "Total number of internal XDS errors.")
        self.services = Gauge("pilot_services", "Total services known to pilot.")
        self.virtual_services = Gauge("pilot_virt_services", "Total virtual services known to pilot.")
        self.conflicts = Gauge("tejer_problems", "Problems of configuration by severity.", label="severity")
        self.csr = Counter("citadel_server_csr_count", "The number of CSRs received by Citadel server.")
        self.issued = Counter(
            "citadel_server_success_cert_issuance_count", "The number of certificates issued successfully."
        )
        self.csr_unauthenticated = Counter(
            "citadel_server_authentication_failure_count", "The number of authentication failures."
        )
        self.csr_bad = Counter("citadel_server_csr_parsing_err_count", "The number of errors when parsing the CSR.")
        self.csr_failed = Counter("citadel_server_csr_sign_err_count", "The number of errors when signing the CSR.")
        self.root_expiry = Gauge(
            "citadel_server_root_cert_expiry_timestamp", "The unix timestamp when the root cert will expire."
        )
        self.injections = Counter("sidecar_injection_requests_total", "Total number of sidecar injection requests.")
        self.injected = Counter("sidecar_injection_success_total", "Total number of successful sidecar injections.")
        self.inject_failed = Counter("sidecar_injection_failure_total", "Total number of failed sidecar injections.")
        self.inject_skipped = Counter("sidecar_injection_skip_total", "Total number of skipped sidecar injections.")
        self.validated = Counter("galley_validation_passed", "Resource is valid.")
        self.invalid = Counter("galley_validation_failed", "Resource validation failed.")
        self.uptime = Gauge("istiod_uptime_seconds", "Current istiod server uptime.", lambda: time.time() - started)
        self.memory = Gauge("process_resident_memory_bytes", "Resident memory size in bytes.", _rss)
        self.cpu = Counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.")
        self.info = Gauge("pilot_info", "Pilot version and build information.", label="version")

    def text(self) -> str:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.cpu.set(usage.ru_utime + usage.ru_stime)
        found: list[Metric] = [m for m in vars(self).values() if isinstance(m, Counter | Histogram)]
        found += self.rejects_of.values()
        return "\n".join(line for metric in sorted(found, key=lambda m: m.name) for line in metric.text()) + "\n"


def escape(value: str) -> str:
    """A label value as Prometheus text wants it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _head(name: str, about: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _rss() -> float:
    """Resident memory in bytes; the peak where /proc isn't there."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
