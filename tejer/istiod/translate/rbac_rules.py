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

    any_of: Callable[[Sequence[str]], T]
    values: Sequence[str]
    not_values: Sequence[str]
    http: bool = False


def _permissions(make: Callable[[str], Permission]) -> Callable[[Sequence[str]], Permission]:
    return lambda values: Permission(or_rules=Permission.Set(rules=[make(value) for value in values]))


def _principals(make: Callable[[str], Principal]) -> Callable[[Sequence[str]], Principal]:
    return lambda values: Principal(or_ids=Principal.Set(ids=[make(value) for value in values]))


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
        Test(_permissions(m.host), given.hosts, given.not_hosts, http=True),
        Test(_permissions(m.method), given.methods, given.not_methods, http=True),
        Test(_permissions(m.path), given.paths, given.not_paths, http=True),
        Test(_permissions(m.port), given.ports, given.not_ports),
    ]


def _source(given: Source, namespace: str, trust_domains: Sequence[str]) -> list[Test[Principal]]:
    accounts = _principals(lambda value: m.service_account(value, namespace))
    return [
        Test(
            _principals(m.principal),
            m.with_aliases(given.principals, trust_domains),
            m.with_aliases(given.not_principals, trust_domains),
        ),
        Test(m.request_principals, given.request_principals, given.not_request_principals, http=True),
        Test(accounts, given.service_accounts, given.not_service_accounts),
        Test(_principals(m.trust_domain), given.trust_domains, given.not_trust_domains),
        Test(_principals(m.namespace), given.namespaces, given.not_namespaces),
        Test(_principals(m.remote_ip), given.remote_ip_blocks, given.not_remote_ip_blocks),
        Test(_principals(m.source_ip), given.ip_blocks, given.not_ip_blocks),
    ]


_HEADER = re.compile(r"request\.headers\[(.+)\]$")
_CLAIM = re.compile(r"request\.auth\.claims((?:\[[^\]]+\])+)$")


def _conditions(
    when: Iterable[Condition], trust_domains: Sequence[str], namespace: str
) -> tuple[list[Test[Permission]], list[Test[Principal]]]:
    permissions: list[Test[Permission]] = []
    principals: list[Test[Principal]] = []
    for condition in when:
        key, values, not_values = condition.key, condition.values, condition.not_values
        if (asked := _what(key)) is not None:
            permissions.append(Test(asked, values, not_values))
        elif key == "source.principal":
            both = m.with_aliases(values, trust_domains), m.with_aliases(not_values, trust_domains)
            principals.append(Test(_principals(m.principal), *both))
        else:
            any_of, http = _who(key, namespace)
            principals.append(Test(any_of, values, not_values, http))
    return permissions, principals


def _what(key: str) -> Callable[[Sequence[str]], Permission] | None:
    """The matcher for a `when` key that is about what is asked for; None for one about the caller."""
    simple = {
        "destination.ip": m.destination_ip,
        "destination.port": m.port,
        "connection.sni": m.server_name,
    }
    if key in simple:
        return _permissions(simple[key])
    if key.startswith("experimental.envoy.filters."):
        return lambda values: m.filter_metadata(key, values)
    return None


def _who(key: str, namespace: str) -> tuple[Callable[[Sequence[str]], Principal], bool]:
    """The matcher for a `when` key that is about the caller, and whether only HTTP requests have it."""
    simple: dict[str, tuple[Callable[[Sequence[str]], Principal], bool]] = {
        "source.ip": (_principals(m.source_ip), False),
        "remote.ip": (_principals(m.remote_ip), False),
        "source.namespace": (_principals(m.namespace), False),
        "source.serviceAccount": (_principals(lambda v: m.service_account(v, namespace)), False),
        "source.trustDomain": (_principals(m.trust_domain), False),
        "request.auth.principal": (m.request_principals, True),
        "request.auth.audiences": (lambda values: m.claims(("aud",), values), True),
        "request.auth.presenter": (lambda values: m.claims(("azp",), values), True),
    }
    if key in simple:
        return simple[key]
    if found := _HEADER.match(key):
        name = found[1]
        return _principals(lambda v: m.header(name, v)), True
    if found := _CLAIM.match(key):
        keys = tuple(found[1][1:-1].split("]["))
        return (lambda values: m.claims(keys, values)), True
    raise ValueError(f"condition key {key!r} is not known here")


def _permission(tests: Iterable[Test[Permission]], tcp: bool, strict: bool) -> Permission:
    rules: list[Permission] = []
    for test in _usable(tests, tcp, strict):
        if test.values:
            rules.append(test.any_of(test.values))
        if test.not_values:
            rules.append(Permission(not_rule=test.any_of(test.not_values)))
    return Permission(and_rules=Permission.Set(rules=rules or [Permission(any=True)]))


def _principal(tests: Iterable[Test[Principal]], tcp: bool, strict: bool) -> Principal:
    ids: list[Principal] = []
    for test in _usable(tests, tcp, strict):
        if test.values:
            ids.append(test.any_of(test.values))
        if test.not_values:
            ids.append(Principal(not_id=test.any_of(test.not_values)))
    return Principal(and_ids=Principal.Set(ids=ids or [Principal(any=True)]))


def _usable(tests: Iterable[Test[T]], tcp: bool, strict: bool) -> list[Test[T]]:
    given = [test for test in tests if test.values or test.not_values]
    if not tcp:
        return given
    if strict and any(test.http for test in given):
        raise HttpOnlyError("the rule is about HTTP requests")
    return [test for test in given if not test.http]
