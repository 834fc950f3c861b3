"""DestinationRules whose TLS nobody verifies. IST0128, 0129."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds.istio_networking import ClientTLSSettings, DestinationRule
from tejer.kube.problem import Problem
from tejer.kube.types import DESTINATIONRULES


def analyze(item: Item, _: View) -> Iterator[Problem]:
    rule: DestinationRule = item.value
    policy = rule.spec.traffic_policy
    if policy is None:
        return
    named = rule.spec.workload_selector is not None
    said = (
        f"DestinationRule {item.place} in namespace {item.namespace} has TLS mode set to {{}} but no "
        f"caCertificates are set to validate server identity for host: {rule.spec.host}"
    )
    if policy.tls is not None and _unverified(policy.tls, named):
        yield found(item, "IST0128", said.format(policy.tls.mode), "spec.trafficPolicy.tls")
    for index, port in enumerate(policy.port_level_settings):
        if port.tls is not None and _unverified(port.tls, named):
            number = port.port.number if port.port is not None else 0
            yield found(
                item, "IST0129", f"{said.format(port.tls.mode)} at port number:{number}",
                f"spec.trafficPolicy.portLevelSettings[{index}].tls",
            )  # fmt: skip


def _unverified(tls: ClientTLSSettings, with_selector: bool) -> bool:
    """credentialName brings a CA too, but sidecars read it only with a workloadSelector."""
    if tls.mode not in ("SIMPLE", "MUTUAL"):
        return False
    return not tls.ca_certificates and not (tls.credential_name and with_selector)


ANALYZER = Analyzer("destinationrule.CaCertificateAnalyzer", (DESTINATIONRULES,), (), analyze)
