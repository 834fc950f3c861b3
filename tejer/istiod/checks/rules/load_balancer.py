"""Load balancing of a DestinationRule. Source: Istio's validation.go, validateLoadBalancer."""

from __future__ import annotations

from tejer.istiod.checks import texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add
from tejer.kube.kinds.istio.destination_rule import (
    ConsistentHashLB,
    LoadBalancerSettings,
    LocalityLoadBalancerSetting,
    OutlierDetection,
)

MAX_TABLE, MAX_RING = 5000011, 8388608


def check_load_balancer(value: LoadBalancerSettings | None, outlier: OutlierDetection | None, report: Report) -> None:
    if value is None:
        return
    if value.locality_lb_setting is not None and value.zone_aware_lb_setting is not None:
        report.error("only one of localityLbSetting and zoneAwareLbSetting can be set", "zoneAwareLbSetting")
    if value.simple and value.consistent_hash is not None:
        report.error("only one of simple and consistentHash can be set", "consistentHash")
    if value.consistent_hash is not None:
        _check_hash(value.consistent_hash, report.at("consistentHash"))
    if value.locality_lb_setting is not None:
        _check_locality(value.locality_lb_setting, outlier, report.at("localityLbSetting"))
    if value.warmup is not None:
        add(report, texts.duration_problem(value.warmup.duration), "warmup", "duration")
        if value.simple not in ("", "UNSPECIFIED", "ROUND_ROBIN", "LEAST_REQUEST", "LEAST_CONN"):
            report.error(f"warmup works with ROUND_ROBIN and LEAST_REQUEST, not {value.simple}", "warmup")


def _check_hash(value: ConsistentHashLB, report: Report) -> None:
    if (cookie := value.http_cookie) is not None:
        if not cookie.name:
            report.error("a cookie's name is required", "httpCookie", "name")
        if cookie.ttl and texts.nanoseconds(cookie.ttl) != 0:
            add(report, texts.duration_problem(cookie.ttl), "httpCookie", "ttl")
        seen: set[str] = set()
        for index, attribute in enumerate(cookie.attributes):
            if not attribute.name:
                report.error("an attribute's name is required", "httpCookie", "attributes", index, "name")
            elif attribute.name in seen:
                report.error(f"attribute {attribute.name} is set twice", "httpCookie", "attributes", index)
            seen.add(attribute.name)
    if value.maglev is not None:
        size = value.maglev.table_size or 65537
        if size >= MAX_TABLE or not _is_prime(size):
            report.error(f"{size} is not a prime below {MAX_TABLE}", "maglev", "tableSize")
    if value.ring_hash is not None and (value.ring_hash.minimum_ring_size or 0) > MAX_RING:
        report.error(f"more than {MAX_RING}", "ringHash", "minimumRingSize")
    if (value.minimum_ring_size or 0) > MAX_RING:  # the field that ringHash replaces; Envoy refuses either
        report.error(f"more than {MAX_RING}", "minimumRingSize")


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def _check_locality(value: LocalityLoadBalancerSetting, outlier: OutlierDetection | None, report: Report) -> None:
    if value.distribute and (value.failover or value.failover_priority):
        report.error("distribute and failover can't both be set")
    if value.failover and outlier is None:
        report.warning("without outlierDetection no endpoint is unhealthy, so failover never happens", "failover")
    sources = [entry.from_ for entry in value.distribute]
    for index, entry in enumerate(value.distribute):
        inner = report.at("distribute", index)
        _check_overlap(sources, index, inner)
        total = sum(entry.to.values())
        if any(not 0 < weight <= 100 for weight in entry.to.values()):
            inner.error("each weight must be in 1-100", "to")
        if total != 100:
            inner.error(f"the weights sum to {total}, not 100", "to")
    for index, failover in enumerate(value.failover):
        inner = report.at("failover", index)
        if failover.from_ == failover.to:
            inner.error(f"{failover.from_} can't take over from itself")
        if "/" in failover.to or "*" in failover.to:
            inner.error("names a region, without zones or wildcards", "to")


def _check_overlap(sources: list[str], index: int, report: Report) -> None:
    """Two `from` localities must not cover each other: a caller has one distribution."""
    mine = sources[index]
    for earlier in sources[:index]:
        first, second = earlier.rstrip("*").rstrip("/"), mine.rstrip("*").rstrip("/")
        if first == second or (first + "/").startswith(second + "/") or (second + "/").startswith(first + "/"):
            report.error(f"{mine} overlaps {earlier}", "from")
