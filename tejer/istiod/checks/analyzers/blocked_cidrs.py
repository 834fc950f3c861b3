"""istiod fetches the keys of tokens: without a block list a jwksUri reaches anything it can reach. IST0175."""

from __future__ import annotations

from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import DEPLOYMENTS, REQUESTAUTHENTICATIONS

BLOCKED_CIDRS = "BLOCKED_CIDRS_IN_JWKS_URIS"


def analyze(item: Item, view: View) -> Iterator[Problem]:
    template = item.value.spec.template
    if template is None or template.metadata.labels.get("app") != "istiod" or not view.all(REQUESTAUTHENTICATIONS):
        return
    names = {variable.name for container in template.spec.containers for variable in container.env}
    if BLOCKED_CIDRS not in names:
        yield found(
            item, "IST0175",
            f"RequestAuthentication resources exist but {BLOCKED_CIDRS} is not set on istiod: jwksUri fetches are "
            "not restricted.",
        )  # fmt: skip


ANALYZER = Analyzer("authn.BlockedCIDRsAnalyzer", (DEPLOYMENTS,), (REQUESTAUTHENTICATIONS,), analyze)
