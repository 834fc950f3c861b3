"""The Secrets that Gateways name must be in their pods' namespace and hold a certificate. IST0101, 0161."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.gateway_pods import DEFAULT_SELECTOR, no_workload
from tejer.istiod.checks.objects import Item
from tejer.istiod.checks.view import View
from tejer.kube.kinds import core
from tejer.kube.kinds.istio_networking import Gateway
from tejer.kube.problem import Problem
from tejer.kube.types import GATEWAYS, PODS, SECRETS

CERTIFICATES = (("tls.crt", "tls.key"), ("cert", "key"))


def analyze(item: Item, view: View) -> Iterator[Problem]:
    gateway: Gateway = item.value
    credentials = [
        (f"spec.servers[{index}].tls.credentialName", server.tls.credential_name)
        for index, server in enumerate(gateway.spec.servers)
        if server.tls is not None and server.tls.credential_name
    ]
    if not credentials:
        return
    namespace = _pod_namespace(view, gateway)
    if namespace is None:
        yield no_workload(item)
        return
    for field, name in credentials:
        secret = view.get(SECRETS, namespace, name)
        if secret is None:
            yield found(item, "IST0101", f'Referenced credentialName not found: "{name}"', field,
                        f"the Secret must be in namespace {namespace}, where the gateway's pods are")  # fmt: skip
        elif problem := _secret_problem(secret.value):
            yield found(
                item, "IST0161",
                f"The credential referenced by the Gateway {item.name} in namespace {namespace} is invalid: {problem}",
                field,
            )  # fmt: skip


def _pod_namespace(view: View, gateway: Gateway) -> str | None:
    pods = view.pods(gateway.spec.selector)
    if pods:
        return pods[0].namespace
    return view.settings.istio_namespace if gateway.spec.selector == DEFAULT_SELECTOR else None


def _secret_problem(secret: core.Secret) -> str:
    data = {name: base64.b64encode(value.encode()).decode() for name, value in secret.string_data.items()} | secret.data
    for certificate, key in CERTIFICATES:
        if certificate in data or key in data:
            if not data.get(certificate) or not data.get(key):
                return f"{certificate} and {key} are both required"
            return _pem_problem(data[certificate], certificate) or _pem_problem(data[key], key)
    return "it has no certificate (tls.crt and tls.key)"


def _pem_problem(value: str, name: str) -> str:
    try:
        pem = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return f"{name} is not base64"
    return "" if b"-----BEGIN " in pem else f"{name} is not PEM"


ANALYZER = Analyzer("gateway.SecretAnalyzer", (GATEWAYS,), (PODS, SECRETS), analyze)
