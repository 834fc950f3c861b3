"""DestinationRules: certificates nobody verifies, subsets without pods, unknown hosts. IST0128, 0129, 0173, 0174."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.hosts import find_host, hosts_of
from tejer.istiod.checks.world import Analyzer, World, found, selects
from tejer.kube.kinds import core
from tejer.kube.kinds.istio_networking import ClientTLSSettings, DestinationRule
from tejer.kube.problem import Problem
from tejer.kube.types import DESTINATIONRULES, PODS, SERVICEENTRIES, SERVICES


def analyze_ca(world: World) -> Iterator[Problem]:
    for item in world.typed(DESTINATIONRULES, DestinationRule):
        rule: DestinationRule = item.value
        policy = rule.spec.traffic_policy
        if policy is None:
            continue
        named = rule.spec.workload_selector is not None
        if _unverified(policy.tls, named):
            assert policy.tls is not None
            yield found(
                item.body, "IST0128",
                f"DestinationRule {item.namespace}/{item.name} in namespace {item.namespace} has TLS mode set to "
                f"{policy.tls.mode} but no caCertificates are set to validate server identity for host: "
                f"{rule.spec.host}",
                "spec.trafficPolicy.tls",
            )  # fmt: skip
        for index, port in enumerate(policy.port_level_settings):
            if _unverified(port.tls, named):
                assert port.tls is not None
                number = port.port.number if port.port is not None else 0
                yield found(
                    item.body, "IST0129",
                    f"DestinationRule {item.namespace}/{item.name} in namespace {item.namespace} has TLS mode set to "
                    f"{port.tls.mode} but no caCertificates are set to validate server identity for host: "
                    f"{rule.spec.host} at port number:{number}",
                    f"spec.trafficPolicy.portLevelSettings[{index}].tls",
                )  # fmt: skip


def _unverified(tls: ClientTLSSettings | None, with_selector: bool) -> bool:
    """credentialName brings a CA too, but sidecars read it only with a workloadSelector."""
    if tls is None or tls.mode not in ("SIMPLE", "MUTUAL"):
        return False
    return not tls.ca_certificates and not (tls.credential_name and with_selector)


def analyze_subsets(world: World) -> Iterator[Problem]:
    hosts = hosts_of(world)
    pods = world.typed(PODS, core.Pod)
    for item in world.typed(DESTINATIONRULES, DestinationRule):
        rule: DestinationRule = item.value
        if rule.spec.host.startswith("*"):
            continue
        entry = find_host(hosts, rule.spec.host, item.namespace)
        if entry is None:
            yield found(
                item.body, "IST0174",
                f"The host {rule.spec.host} defined in the DestinationRule does not match any services in the mesh.",
                "spec.host",
            )  # fmt: skip
            continue
        if not entry.selector:
            continue
        for index, subset in enumerate(rule.spec.subsets):
            wanted = {**entry.selector, **subset.labels}
            chosen = (pod for pod in pods if pod.namespace == entry.namespace)
            if not any(selects(wanted, pod.value.metadata.labels) for pod in chosen):
                yield found(
                    item.body, "IST0173",
                    f"The subset {subset.name} defined in the DestinationRule does not select any pods, which may lead "
                    "to 503 UH (NoHealthyUpstream).",
                    f"spec.subsets[{index}]",
                )  # fmt: skip


ANALYZERS = (
    Analyzer("destinationrule.CaCertificateAnalyzer", (DESTINATIONRULES,), analyze_ca),
    Analyzer("destinationrule.SubsetSelectPodAnalyzer", (DESTINATIONRULES, SERVICES, SERVICEENTRIES, PODS),
             analyze_subsets),
)  # fmt: skip
