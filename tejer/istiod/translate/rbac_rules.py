"""One rule of an AuthorizationPolicy as an Envoy RBAC policy. Source: authz/model/model.go, `istio.md` A17, A19."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from tejer.envoy.proto import Permission, Policy, Principal
from tejer.istiod.translate import rbac_matchers as m
from tejer.kube.kinds.istio_security import Condition, Operation, Rule, Source

T = TypeVar("T", Permission, Principal)


class HttpOnlyError(ValueError):
    """A field that a TCP connection does not have."""


class Test(NamedTuple, Generic[T]):
    """One field: any of `values` and none of `not_values`. `http`: only HTTP requests have it."""

    make: Callable[[str], T]
    values: Sequence[str]
    not_values: Sequence[str]
    http: bool = False


def rule_policy(rule: Rule, policy_namespace: str, trust_domains: Sequence[str], *, tcp: bool, strict: bool) -> Policy:
    """The policy that matches what `rule` matches.

    On TCP ports a field of HTTP requests raises HttpOnlyError when `strict` (ALLOW: the rule never allows), else it is
    left out (DENY, AUDIT: the rule denies more).
    """
    base_permissions, base_principals = _conditions(rule.when, trust_domains, policy_namespace)
    sources = [found.source or Source() for found in rule.from_] or [Source()]
    operations = [found.operation or Operation() for found in rule.to] or [Operation()]
    return Policy(
        permissions=[_permission([*_operation(o), *base_permissions], tcp, strict) for o in operations],
        principals=[
            _principal([*_source(s, policy_namespace, trust_domains), *base_principals], tcp, strict) for s in sources
        ],
    )


def never() -> Policy:
    """Matches nothing: an ALLOW policy without rules allows nobody."""
    return Policy(
        permissions=[Permission(not_rule=Permission(any=True))], principals=[Principal(not_id=Principal(any=True))]
    )


def _operation(given: Operation) -> list[Test[Permission]]:
    return [
        Test(m.host, given.hosts, given.not_hosts, http=True),
        Test(m.method, given.methods, given.not_methods, http=True),
        Test(m.path, given.paths, given.not_paths, http=True),
        Test(m.port, given.ports, given.not_ports),
    ]


def _source(given: Source, namespace: str, trust_domains: Sequence[str]) -> list[Test[Principal]]:
    return [
        Test(
            m.principal,
            m.with_aliases(given.principals, trust_domains),
            m.with_aliases(given.not_principals, trust_domains),
        ),
        Test(m.request_principal, given.request_principals, given.not_request_principals, http=True),
        Test(lambda v: m.service_account(v, namespace), given.service_accounts, given.not_service_accounts),
        Test(m.trust_domain, given.trust_domains, given.not_trust_domains),
        Test(m.namespace, given.namespaces, given.not_namespaces),
        Test(m.remote_ip, given.remote_ip_blocks, given.not_remote_ip_blocks),
        Test(m.source_ip, given.ip_blocks, given.not_ip_blocks),
    ]


_HEADER = re.compile(r"request\.headers\[(.+)\]$")
_CLAIM = re.compile(r"request\.auth\.claims((?:\[[^\]]+\])+)$")


def _conditions(
    when: Iterable[Condition], trust_domains: Sequence[str], namespace: str
) -> tuple[list[Test[Permission]], list[Test[Principal]]]:
    permissions: list[Test[Permission]] = []
    principals: list[Test[Principal]] = []
    asked: dict[str, Callable[[str], Permission]] = {
        "destination.ip": m.destination_ip,
        "destination.port": m.port,
        "connection.sni": m.server_name,
    }
    for condition in when:
        key, values, not_values = condition.key, condition.values, condition.not_values
        if key in asked:
            permissions.append(Test(asked[key], values, not_values))
        elif key == "source.principal":
            both = m.with_aliases(values, trust_domains), m.with_aliases(not_values, trust_domains)
            principals.append(Test(m.principal, *both))
        else:
            make, http = _who(key, namespace)
            principals.append(Test(make, values, not_values, http))
    return permissions, principals


def _who(key: str, namespace: str) -> tuple[Callable[[str], Principal], bool]:
    """The matcher for a `when` key that is about the caller, and whether only HTTP requests have it."""
    simple: dict[str, tuple[Callable[[str], Principal], bool]] = {
        "source.ip": (m.source_ip, False),
        "remote.ip": (m.remote_ip, False),
        "source.namespace": (m.namespace, False),
        "source.serviceAccount": (lambda v: m.service_account(v, namespace), False),
        "source.trustDomain": (m.trust_domain, False),
        "request.auth.principal": (m.request_principal, True),
        "request.auth.audiences": (lambda v: m.claim(("aud",), v), True),
        "request.auth.presenter": (lambda v: m.claim(("azp",), v), True),
    }
    if key in simple:
        return simple[key]
    if found := _HEADER.match(key):
        name = found[1]
        return (lambda v: m.header(name, v)), True
    if found := _CLAIM.match(key):
        keys = tuple(found[1][1:-1].split("]["))
        return (lambda v: m.claim(keys, v)), True
    raise ValueError(f"condition key {key!r} is not known here")


def _permission(tests: Iterable[Test[Permission]], tcp: bool, strict: bool) -> Permission:
    rules: list[Permission] = []
    for test in _usable(tests, tcp, strict):
        if test.values:
            rules.append(Permission(or_rules=Permission.Set(rules=[test.make(v) for v in test.values])))
        if test.not_values:
            any_of = Permission(or_rules=Permission.Set(rules=[test.make(v) for v in test.not_values]))
            rules.append(Permission(not_rule=any_of))
    return Permission(and_rules=Permission.Set(rules=rules or [Permission(any=True)]))


def _principal(tests: Iterable[Test[Principal]], tcp: bool, strict: bool) -> Principal:
    ids: list[Principal] = []
    for test in _usable(tests, tcp, strict):
        if test.values:
            ids.append(Principal(or_ids=Principal.Set(ids=[test.make(v) for v in test.values])))
        if test.not_values:
            any_of = Principal(or_ids=Principal.Set(ids=[test.make(v) for v in test.not_values]))
            ids.append(Principal(not_id=any_of))
    return Principal(and_ids=Principal.Set(ids=ids or [Principal(any=True)]))


def _usable(tests: Iterable[Test[T]], tcp: bool, strict: bool) -> list[Test[T]]:
    given = [test for test in tests if test.values or test.not_values]
    if not tcp:
        return given
    if strict and any(test.http for test in given):
        raise HttpOnlyError("the rule is about HTTP requests")
    return [test for test in given if not test.http]
