"""Methods that no request has. KIA0102.

Kiali refuses prefixes and suffixes (`GET*`, `*T`), which Istio takes: here they only have to match some method.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import AUTHORIZATIONPOLICIES

METHODS = (
    "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "CONNECT", "COPY", "DELETE", "GET", "HEAD", "LABEL",
    "LINK", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "OPTIONS",
    "ORDERPATCH", "PATCH", "POST", "PRI", "PROPFIND", "PROPPATCH", "PUT", "REBIND", "REPORT", "SEARCH", "TRACE",
    "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL",
)  # fmt: skip
"""Source: IANA, HTTP Method Registry."""


def analyze(item: Item, _: View) -> Iterator[Problem]:
    for index, rule in enumerate(item.value.spec.rules):
        for position, target in enumerate(rule.to):
            operation = target.operation
            if operation is None:
                continue
            for field, values in (("methods", operation.methods), ("notMethods", operation.not_methods)):
                for place, value in enumerate(values):
                    if not any(fnmatchcase(method, value) for method in METHODS):
                        yield found(
                            item, "KIA0102", f"{value!r} is not an HTTP method.",
                            f"spec.rules[{index}].to[{position}].operation.{field}[{place}]",
                            f"write {value.upper()}: methods are in capitals" if value.upper() in METHODS else "",
                        )  # fmt: skip


ANALYZER = Analyzer("kiali.AuthorizationMethodsAnalyzer", (AUTHORIZATIONPOLICIES,), (), analyze)
