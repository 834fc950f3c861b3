"""Principals whose ServiceAccount, or whose trust domain, does not exist. KIA0106, KIA0108."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import AUTHORIZATIONPOLICIES, SERVICEACCOUNTS

_PRINCIPAL = re.compile(r"([^/*]+)/ns/([^/*]+)/sa/([^/*]+)")
DEFAULT = "default"
"""The ServiceAccount that every namespace has."""


def analyze(item: Item, view: View) -> Iterator[Problem]:
    for index, rule in enumerate(item.value.spec.rules):
        for position, source in enumerate(rule.from_):
            if source.source is None:
                continue
            base = f"spec.rules[{index}].from[{position}].source"
            for place, principal in enumerate(source.source.principals):
                yield from _principal(item, principal, f"{base}.principals[{place}]", view)
            for place, account in enumerate(source.source.service_accounts):
                namespace, slash, name = account.partition("/")
                if not slash:
                    namespace, name = item.namespace, account
                yield from _account(item, namespace, name, f"{base}.serviceAccounts[{place}]", view)


def _principal(item: Item, principal: str, field: str, view: View) -> Iterator[Problem]:
    match = _PRINCIPAL.fullmatch(principal)
    if match is None:
        return
    domain, namespace, name = match.groups()
    own = view.mesh.trust_domain or view.settings.domain
    if domain not in (own, "cluster.local", *view.mesh.trust_domain_aliases):
        yield found(
            item, "KIA0108", f"The trust domain {domain} is neither the mesh's ({own}) nor one of its aliases.", field,
            "trustDomainAliases of the mesh's configuration names those whose certificates are taken",
        )  # fmt: skip
    else:
        yield from _account(item, namespace, name, field, view)


def _account(item: Item, namespace: str, name: str, field: str, view: View) -> Iterator[Problem]:
    if name != DEFAULT and view.get(SERVICEACCOUNTS, namespace, name) is None:
        yield found(item, "KIA0106", f"There is no ServiceAccount {namespace}/{name}: no caller is it.", field)


ANALYZER = Analyzer("kiali.AuthorizationPrincipalsAnalyzer", (AUTHORIZATIONPOLICIES,), (SERVICEACCOUNTS,), analyze)
