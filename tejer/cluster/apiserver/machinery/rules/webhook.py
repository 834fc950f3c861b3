"""Validation of webhook configurations. Source: kubernetes `pkg/apis/admissionregistration/validation`."""

from __future__ import annotations

from urllib.parse import urlsplit

from tejer.cluster.apiserver.machinery import cel, names
from tejer.cluster.apiserver.machinery.causes import Cause, duplicate, invalid_value, not_supported, required
from tejer.cluster.apiserver.machinery.rules.workload import check_label_selector
from tejer.kube.resource import Body

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_CHOICES: dict[str, tuple[str, ...]] = {
    "failurePolicy": ("Fail", "Ignore"),
    "matchPolicy": ("Equivalent", "Exact"),
    "reinvocationPolicy": ("IfNeeded", "Never"),
}


def check_webhooks(body: Body, old: Body | None) -> list[Cause]:
    wrong: list[Cause] = []
    seen: set[str] = set()
    for index, webhook in enumerate(body.get("webhooks") or ()):
        at = f"webhooks[{index}]"
        name = webhook.get("name", "")
        wrong += _check_name(name, f"{at}.name")
        if name in seen:
            wrong.append(duplicate(f"{at}.name", name))
        seen.add(name)
        wrong += _check_webhook(webhook, at)
    return wrong


def _check_name(name: str, path: str) -> list[Cause]:
    if not name:
        return [required(path)]
    wrong = [invalid_value(path, name, text) for text in names.dns_subdomain(name)]
    if not wrong and name.count(".") < 2:
        wrong.append(invalid_value(path, name, "should be a domain with at least three segments separated by dots"))
    return wrong


def _check_webhook(webhook: Body, path: str) -> list[Cause]:
    wrong: list[Cause] = []
    for key, choices in _CHOICES.items():
        if webhook.get(key, choices[0]) not in choices:
            wrong.append(not_supported(f"{path}.{key}", webhook[key], choices))
    if not webhook.get("sideEffects"):
        wrong.append(required(f"{path}.sideEffects", "must specify one of None, NoneOnDryRun"))
    elif webhook["sideEffects"] not in ("None", "NoneOnDryRun"):
        wrong.append(not_supported(f"{path}.sideEffects", webhook["sideEffects"], ("None", "NoneOnDryRun")))
    versions = webhook.get("admissionReviewVersions") or []
    if not versions:
        wrong.append(required(f"{path}.admissionReviewVersions", "must specify one of v1, v1beta1"))
    elif "v1" not in versions:
        wrong.append(invalid_value(f"{path}.admissionReviewVersions", versions, "must include at least one of v1"))
    timeout = webhook.get("timeoutSeconds", 10)
    if not 1 <= timeout <= 30:
        wrong.append(
            invalid_value(f"{path}.timeoutSeconds", timeout, "the timeout value must be between 1 and 30 seconds")
        )
    for key in ("namespaceSelector", "objectSelector"):
        wrong += check_label_selector(webhook.get(key) or {}, f"{path}.{key}")
    for index, rule in enumerate(webhook.get("rules") or ()):
        wrong += _check_rule(rule, f"{path}.rules[{index}]")
    for index, condition in enumerate(webhook.get("matchConditions") or ()):
        problem = cel.compile_problem(condition.get("expression", ""))
        if problem:
            at = f"{path}.matchConditions[{index}].expression"
            wrong.append(invalid_value(at, condition.get("expression", ""), f"compilation failed: {problem}"))
    return wrong + _check_client(webhook.get("clientConfig") or {}, f"{path}.clientConfig")


def _check_rule(rule: Body, path: str) -> list[Cause]:
    wrong = [
        required(f"{path}.{key}")
        for key in ("operations", "apiGroups", "apiVersions", "resources")
        if not rule.get(key)
    ]
    for index, operation in enumerate(rule.get("operations") or ()):
        if operation not in _OPERATIONS:
            wrong.append(not_supported(f"{path}.operations[{index}]", operation, _OPERATIONS))
    if rule.get("scope", "*") not in ("*", "Cluster", "Namespaced"):
        wrong.append(not_supported(f"{path}.scope", rule["scope"], ("*", "Cluster", "Namespaced")))
    return wrong


def _check_client(client: Body, path: str) -> list[Cause]:
    url, service = client.get("url"), client.get("service")
    if bool(url) == bool(service):
        return [required(path, "exactly one of url or service is required")]
    if url:
        parts = urlsplit(url)
        if parts.scheme != "https":
            text = f"'https' is the only allowed URL scheme; desired format: https://host[/path]; got {url!r}"
            return [invalid_value(f"{path}.url", url, text)]
        return [] if parts.netloc else [invalid_value(f"{path}.url", url, "host must be specified")]
    assert service is not None
    wrong = [required(f"{path}.service.{key}") for key in ("name", "namespace") if not service.get(key)]
    port = service.get("port", 443)
    wrong += [invalid_value(f"{path}.service.port", port, text) for text in names.port_number(port)]
    return wrong
