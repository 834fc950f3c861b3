"""A webhook by URL, as with a control plane elsewhere, must name a host. IST0163, 0164."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from tejer.istiod.checks import texts
from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.problem import Problem
from tejer.kube.types import MUTATINGWEBHOOKS, VALIDATINGWEBHOOKS

WEBHOOK_NAMES = ("istio-validator", "istiod-default-validator", "istio-sidecar-injector")


def analyze(item: Item, _: View) -> Iterator[Problem]:
    if not item.name.startswith(WEBHOOK_NAMES):
        return
    for index, hook in enumerate(item.body.get("webhooks") or ()):
        config = hook.get("clientConfig") or {}
        if "url" not in config and config.get("service"):
            continue
        field, url = f"webhooks[{index}].clientConfig.url", str(config.get("url") or "")
        host = _host(url)
        if not host:
            yield found(
                item, "IST0163",
                f"The hostname ({url}) that was provided for the webhook ({hook.get('name')}) to reach the ingress "
                "gateway on the external control plane cluster is blank. Traffic may not flow properly.",
                field,
            )  # fmt: skip
        elif texts.is_address(host):
            yield found(
                item, "IST0164",
                f"The address ({host}) that was provided for the webhook ({hook.get('name')}) to reach the ingress "
                "gateway on the external control plane cluster is an IP address. This is not recommended for a "
                "production environment.",
                field,
            )  # fmt: skip


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


ANALYZER = Analyzer(
    "externalcontrolplane.ExternalControlPlaneAnalyzer", (VALIDATINGWEBHOOKS, MUTATINGWEBHOOKS), (), analyze
)
