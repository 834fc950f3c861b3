"""What an AuthorizationPolicy's values mean. The whole filters: golden case `authorization`, Istio's own table."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from tejer.istiod.model.authz import policy_set
from tejer.istiod.model.config import read_config
from tejer.istiod.model.settings import MeshSettings
from tejer.istiod.translate import rbac_matchers as m
from tejer.istiod.translate.authorization import Guards, guards
from tejer.istiod.translate.rbac_rules import HttpOnlyError, rule_policy
from tejer.kube.kinds.istio_security import AuthorizationPolicySpec, Rule
from tejer.kube.types import AUTHORIZATIONPOLICIES


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [("a", "exact", "p/a"), ("a*", "prefix", "p/a"), ("*", "safe_regex", ".+"), ("*.a", "safe_regex", r"p/.*\.a")],
)
def test_wildcards_after_a_prefix(value: str, kind: str, text: str) -> None:
    matcher = m.text_matcher(value, "p/")
    found = getattr(matcher, kind)
    assert (found.regex if kind == "safe_regex" else found) == text


def test_a_suffix_without_a_prefix_stays_a_suffix() -> None:
    assert m.text_matcher("*.a").suffix == ".a"


def test_aliases_of_the_meshs_trust_domains() -> None:
    domains = ("new", "old")
    assert m.with_aliases(["old/ns/a/sa/b"], domains) == ["new/ns/a/sa/b", "old/ns/a/sa/b"]
    assert m.with_aliases(["cluster.local/ns/a/sa/b"], domains) == ["new/ns/a/sa/b", "old/ns/a/sa/b"]
    assert m.with_aliases(["foreign/ns/a/sa/b", "*", "*/ns/a/sa/b"], domains) == [
        "foreign/ns/a/sa/b", "*", "*/ns/a/sa/b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "matching", "other"),
    [
        ("ns/sa", "spiffe://td/ns/ns/sa/sa", "spiffe://td/ns/ns/sa/sa-junk"),
        ("sa", "spiffe://td/ns/mine/sa/sa", "spiffe://td/ns/other/sa/sa"),
        ("ns/sa", "spiffe://td/ns/ns/more/x/sa/sa/y", "spiffe://td/ns/ns-other/sa/sa"),
    ],
)
def test_service_accounts(value: str, matching: str, other: str) -> None:
    pattern = m.service_account(value, "mine").authenticated.principal_name.safe_regex.regex
    assert re.fullmatch(pattern, matching)
    assert not re.fullmatch(pattern, other)


@pytest.mark.parametrize(
    ("value", "issuer", "subject"),
    [
        ("*", ("safe_regex", ".+"), ("safe_regex", ".+")),
        ("https://a/sub", ("exact", "https://a"), ("exact", "sub")),
        ("https://a/*", ("exact", "https://a"), ("safe_regex", ".+")),
        ("https://a/b*", ("exact", "https://a"), ("prefix", "b")),
        ("*/sub", ("safe_regex", ".+"), ("exact", "sub")),
        ("*.org/sub", ("suffix", ".org"), ("exact", "sub")),
        ("*sub", ("safe_regex", ".+"), ("suffix", "sub")),
        ("iss*", ("prefix", "iss"), ("safe_regex", ".+")),
        ("iss", ("exact", "iss"), ("exact", "")),
    ],
)
def test_request_principals(value: str, issuer: tuple[str, str], subject: tuple[str, str]) -> None:
    found = []
    for part in m.request_principals([value]).and_ids.ids:
        matcher = part.metadata.value.string_match
        kind = matcher.WhichOneof("match_pattern") or ""
        found.append((kind, matcher.safe_regex.regex if kind == "safe_regex" else getattr(matcher, kind)))
    assert found == [issuer, subject]


def test_a_claim_is_a_text_or_a_list_that_has_it() -> None:
    one, many = m.claims(("groups", "all"), ["a"]), m.claims(("aud",), ["a", "b*"])
    assert [segment.key for segment in one.metadata.path] == ["payload", "groups", "all"]
    in_list, alone = one.metadata.value.or_match.value_matchers
    assert in_list.list_match.one_of == alone
    assert len(many.metadata.value.or_match.value_matchers[1].or_match.value_matchers) == 2


def test_metadata_of_other_filters() -> None:
    found = m.filter_metadata("experimental.envoy.filters.a.b[c]", ["x", "[y]"]).metadata
    assert (found.filter, found.path[0].key) == ("envoy.filters.a.b", "c")
    assert found.value.or_match.value_matchers[1].list_match.one_of.string_match.exact == "y"
    with pytest.raises(ValueError, match="experimental"):
        m.filter_metadata("experimental.envoy.filters.a", ["x"])


def test_a_network_keeps_its_length_and_an_address_is_one() -> None:
    assert m.source_ip("10.0.0.0/8").direct_remote_ip.prefix_len.value == 8
    assert m.source_ip("10.0.0.1").direct_remote_ip.prefix_len.value == 32
    assert m.source_ip("::1").direct_remote_ip.prefix_len.value == 128
    with pytest.raises(ValueError, match="not-an-ip"):
        m.source_ip("not-an-ip")


def rule(**given: Any) -> Rule:
    return msgspec.convert(given, Rule)


def test_http_fields_on_a_tcp_port() -> None:
    both = rule(to=[{"operation": {"methods": ["GET"], "ports": ["80"]}}])
    with pytest.raises(HttpOnlyError):
        rule_policy(both, "ns", (), tcp=True, strict=True)
    wider = rule_policy(both, "ns", (), tcp=True, strict=False)
    assert [r.or_rules.rules[0].destination_port for r in wider.permissions[0].and_rules.rules] == [80]


def made(*specs: dict[str, Any]) -> Guards:
    policies = [
        read_config(AUTHORIZATIONPOLICIES.key("ns", f"p{n}"), {"spec": spec}, AuthorizationPolicySpec)
        for n, spec in enumerate(specs)
    ]
    return guards(policy_set(policies, {"app": "web"}), MeshSettings())


def test_no_policy_is_no_filter() -> None:
    assert made() == Guards()
    assert made({"selector": {"matchLabels": {"app": "other"}}}) == Guards()


def test_a_broken_allow_rule_allows_nothing_and_a_broken_deny_rule_denies_all() -> None:
    broken = {"rules": [{"when": [{"key": "source.ip", "values": ["not-an-ip"]}]}]}
    allow, deny = made(broken), made({"action": "DENY", **broken})
    assert [p.field for p in (*allow.problems, *deny.problems)] == ["spec.rules[0]", "spec.rules[0]"]
    assert b"policy[p0]" not in allow.http[0].typed_config.value
    assert b"policy[p0]" in deny.http[0].typed_config.value


def test_policies_with_target_refs_are_not_for_sidecars() -> None:
    assert made({"targetRefs": [{"kind": "Gateway", "name": "g"}]}) == Guards()
