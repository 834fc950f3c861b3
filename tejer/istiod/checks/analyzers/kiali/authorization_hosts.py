"""Hosts of AuthorizationPolicies that are named as Services and are none. KIA0104.

`hosts` are compared with the request's Host header, so Kiali is wrong about every other name: clients may send any.
"""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import AUTHORIZATIONPOLICIES, SERVICEENTRIES, SERVICES


def analyze(item: Item, view: View) -> Iterator[Problem]:
    suffix = f".svc.{view.settings.domain}"
    for index, rule in enumerate(item.value.spec.rules):
        for position, target in enumerate(rule.to):
            for place, value in enumerate(target.operation.hosts if target.operation is not None else ()):
                host = value.partition(":")[0]
                if host.endswith(suffix) and "*" not in host and view.host(host, item.namespace) is None:
                    yield found(
                        item, "KIA0104", f"There is no Service {host}.",
                        f"spec.rules[{index}].to[{position}].operation.hosts[{place}]",
                    )  # fmt: skip


ANALYZER = Analyzer("kiali.AuthorizationHostsAnalyzer", (AUTHORIZATIONPOLICIES,), (SERVICES, SERVICEENTRIES), analyze)
