"""The list of what has no effect yet is about fields that exist."""

import pytest

from tejer.istiod.checks.structure import spec_schema
from tejer.istiod.checks.unimplemented import GAPS, Gap, not_yet
from tejer.kube.crds import KINDS
from tests.unit.istiod.checks.objects import istio

BY_KIND = {rtype.kind: kind for rtype, kind in KINDS}


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: f"{gap.kind}:{gap.path}")
def test_every_path_is_in_the_schema(gap: Gap) -> None:
    schema = spec_schema(BY_KIND[gap.kind])
    for step in gap.path.split(".")[1:]:
        schema = schema["properties"][step.removesuffix("[]")]
        if step.endswith("[]"):
            schema = schema["items"]
    for value in gap.values:
        assert value in schema["enum"]


def test_each_place_is_said() -> None:
    balancer = "{loadBalancer: {localityLbSetting: {enabled: true}}}"
    body = istio(
        "DestinationRule", f"host: web\ntrafficPolicy: {balancer}\nsubsets: [{{name: a, trafficPolicy: {balancer}}}]"
    )
    assert [problem.field for problem in not_yet(body)] == [
        "spec.trafficPolicy.loadBalancer.localityLbSetting",
        "spec.subsets[0].trafficPolicy.loadBalancer.localityLbSetting",
    ]


def test_only_the_values_without_effect_are_said() -> None:
    assert not_yet(istio("ServiceEntry", "resolution: DNS")) == []
    (problem,) = not_yet(istio("ServiceEntry", "resolution: DYNAMIC_DNS"))
    assert problem.message == "resolution DYNAMIC_DNS has no effect in this version: the hosts are not reachable"


def test_only_the_keys_without_effect_are_said() -> None:
    http = "hosts: [web]\nhttp: [{match: [{headers: {%s: {exact: x}}}], route: [{destination: {host: web}}]}]"
    assert not_yet(istio("VirtualService", http % "x-user")) == []
    (problem,) = not_yet(istio("VirtualService", http % "'@request.auth.claims.sub'"))
    assert problem.field == "spec.http[0].match[0].headers"
    assert problem.message.startswith("@request.auth.claims has no effect in this version")
