"""All problems of an object at once: mistakes of form do not hide mistakes of meaning."""

from hypothesis import given
from hypothesis import strategies as st

from tejer.istiod.checks.fitting import compiled
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.structure import check_spec, spec_schema, without
from tejer.istiod.checks.validation import validate
from tejer.kube.crds import KINDS
from tests.unit.istiod.checks.objects import istio, refused
from tests.unit.istiod.checks.schemas import near_specs


def test_form_and_meaning_together() -> None:
    spec = """
hosts: [web]
http:
- timeout: 1us
  retriess: {attempts: 3}
  route: [{destination: {host: web}, weight: "50"}]
- fault: {delay: {fixedDelay: soon}}
  route: [{destination: {host: web, port: {number: 70000}}}]
exportTo: [3, "a b"]
"""
    assert refused("VirtualService", spec) == [
        "spec.http[0].retriess", "spec.http[0].route[0].weight", "spec.exportTo[0]",
        "spec.http[0].timeout", "spec.http[1].fault.delay.fixedDelay", "spec.http[1].route[0].destination.port.number",
    ]  # fmt: skip


def test_what_was_misspelt_is_not_missing_too() -> None:
    assert refused("VirtualService", "hosts: [web]\nhttp: [{route: [{destination: {hots: web}}]}]") == [
        "spec.http[0].route[0].destination.hots"
    ]
    assert refused("Gateway", "severs: []") == ["spec.severs"]


def test_a_list_with_a_wrong_item_keeps_the_numbers_of_the_others() -> None:
    spec = {"a": [{"b": 1}, {"b": 2, "c": 3}], "d": [1, 2]}
    places = [("spec", "a", 1, "c"), ("spec", "d", 0)]
    assert without(spec, list(places), 1) == {"a": [{"b": 1}, {"b": 2}]}


@given(st.sampled_from(KINDS).flatmap(lambda row: st.tuples(st.just(row[1]), near_specs(row[1]))))
def test_fitting_and_the_checker_agree(kind_and_spec: tuple[type, object]) -> None:
    kind, spec = kind_and_spec
    report = Report(("spec",))
    places = check_spec(spec, kind, report)
    assert compiled(spec_schema(kind))(spec) == (not report.problems)
    assert bool(places) == bool(report.problems)


@given(st.sampled_from(KINDS).flatmap(lambda row: st.tuples(st.just(row[0].kind), near_specs(row[1]))))
def test_no_spec_makes_validation_fail(kind_and_spec: tuple[str, object]) -> None:
    kind, spec = kind_and_spec
    validate({**istio(kind, "{}"), "spec": spec})
