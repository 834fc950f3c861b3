"""Admission webhooks, planned: which are called, with what review, and what their answer does to the object.

The shell calls `plan_calls` once per phase, POSTs `review(...)` to each `Call` (mutating ones one after another on the
changed object, validating ones at once) and hands the answer to `apply_answer`, or the failure to `failed`.
Source: apiserver `pkg/admission/plugin/webhook/`, release 1.33.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tejer.cluster.apiserver.machinery import cel
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.patch import json_patch
from tejer.cluster.apiserver.machinery.prepare import after_mutation
from tejer.kube.api import ApiError
from tejer.kube.resource import Body, metadata, name_of
from tejer.kube.selectors import label_selector

_OPTIONS = {
    "CREATE": "CreateOptions",
    "UPDATE": "UpdateOptions",
    "DELETE": "DeleteOptions",
    "CONNECT": "ConnectOptions",
}
# Webhooks could lock themselves out through these; Kubernetes never sends them.
_EXEMPT = frozenset({"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"})


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is being admitted. `operation` is CREATE, UPDATE, DELETE or CONNECT; `user` a userInfo object
    (`username`, `uid`, `groups`, `extra`)."""

    defn: Definition
    operation: str
    namespace: str
    name: str
    new: Body | None
    old: Body | None
    user: Body
    subresource: str = ""
    dry_run: bool = False
    options: Body | None = None
    namespace_object: Body | None = None


class Call(NamedTuple):
    """One webhook to call: over `url`, or at `service` = (namespace, name, port, path) when url is ""."""

    name: str
    configuration: str
    url: str
    service: tuple[str, str, int, str]
    ca_bundle: str
    timeout_seconds: float
    ignore_failure: bool
    mutating: bool
    reinvoke_if_needed: bool = False

    @property
    def server_name(self) -> str:
        """The name in a service's certificate: `istiod.istio-system.svc`; "" for a url."""
        return "" if self.url else f"{self.service[1]}.{self.service[0]}.svc"

    @property
    def address(self) -> str:
        """The URL as Kubernetes' messages show it."""
        if self.url:
            return self.url
        namespace, name, port, path = self.service
        return f"https://{name}.{namespace}.svc:{port}{path}"


class Answer(NamedTuple):
    """`body` is the object after the webhook's patch (the same one when it changed nothing)."""

    body: Body | None
    warnings: tuple[str, ...] = ()


def plan_calls(attributes: Attributes, configurations: Iterable[Body], *, mutating: bool) -> tuple[Call, ...]:
    """The webhooks of these configurations whose rules, selectors and matchConditions fit, in calling order."""
    if attributes.defn.kind in _EXEMPT and not attributes.defn.is_crd:
        return ()
    calls = []
    for configuration in sorted(configurations, key=name_of):
        for webhook in configuration.get("webhooks") or ():
            if _wanted(webhook, attributes):
                calls.append(_call(webhook, name_of(configuration), mutating))
    return tuple(calls)


def _wanted(webhook: Body, attributes: Attributes) -> bool:
    if not any(_rule_matches(rule, attributes) for rule in webhook.get("rules") or ()):
        return False
    if not _namespace_matches(webhook.get("namespaceSelector"), attributes):
        return False
    objects = [body for body in (attributes.new, attributes.old) if body is not None]
    selector = webhook.get("objectSelector")
    if selector and not any(label_selector(selector).matches(metadata(body).get("labels")) for body in objects):
        return False
    return _conditions_match(webhook, attributes)


def _rule_matches(rule: Body, attributes: Attributes) -> bool:
    rtype = attributes.defn.rtype
    if not {"*", attributes.operation} & set(rule.get("operations") or ()):
        return False
    if not {"*", rtype.group} & set(rule.get("apiGroups") or ()):
        return False
    # matchPolicy Equivalent: a rule for any served version of the kind also covers this one
    if not {"*", *rtype.versions} & set(rule.get("apiVersions") or ()):
        return False
    if rule.get("scope", "*") not in ("*", "Namespaced" if rtype.namespaced else "Cluster"):
        return False
    sub = attributes.subresource
    accepted = {f"{rtype.plural}/{sub}", f"*/{sub}", f"{rtype.plural}/*"} if sub else {rtype.plural, "*"}
    return bool((accepted | {"*/*"}) & set(rule.get("resources") or ()))


def _namespace_matches(selector: Body | None, attributes: Attributes) -> bool:
    if not selector:
        return True
    if attributes.defn.kind == "Namespace" and not attributes.defn.is_crd:
        body = attributes.new or attributes.old or {}
        return label_selector(selector).matches(metadata(body).get("labels"))
    if not attributes.defn.rtype.namespaced:
        return True
    return label_selector(selector).matches(metadata(attributes.namespace_object or {}).get("labels"))


def _conditions_match(webhook: Body, attributes: Attributes) -> bool:
    conditions = webhook.get("matchConditions") or ()
    if not conditions:
        return True
    variables = {
        "object": attributes.new or {},
        "oldObject": attributes.old or {},
        "request": _request(attributes, attributes.new, uid=""),
    }
    failed = False
    for condition in conditions:
        try:
            if cel.evaluate(condition.get("expression", ""), variables) is not True:
                return False
        except ValueError:
            failed = True
    # an expression that cannot be evaluated: called (and thus able to refuse) unless failures are ignored
    return not (failed and webhook.get("failurePolicy") == "Ignore")


def _call(webhook: Body, configuration: str, mutating: bool) -> Call:
    client = webhook.get("clientConfig") or {}
    service = client.get("service") or {}
    return Call(
        name=webhook.get("name", ""),
        configuration=configuration,
        url=client.get("url") or "",
        service=(
            service.get("namespace", ""), service.get("name", ""), int(service.get("port") or 443),
            "/" + (service.get("path") or "/").lstrip("/"),
        ),
        ca_bundle=client.get("caBundle") or "",
        timeout_seconds=float(webhook.get("timeoutSeconds") or 10),
        ignore_failure=webhook.get("failurePolicy") == "Ignore",
        mutating=mutating,
        reinvoke_if_needed=webhook.get("reinvocationPolicy") == "IfNeeded",
    )  # fmt: skip


def _request(attributes: Attributes, new: Body | None, uid: str) -> Body:
    defn = attributes.defn
    kind = {"group": defn.group, "version": defn.version, "kind": defn.kind}
    resource = {"group": defn.group, "version": defn.version, "resource": defn.rtype.plural}
    options = {"kind": _OPTIONS[attributes.operation], "apiVersion": "meta.k8s.io/v1", **(attributes.options or {})}
    request: Body = {
        "uid": uid, "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
        "name": attributes.name, "operation": attributes.operation, "userInfo": attributes.user,
        "object": new, "oldObject": attributes.old, "dryRun": attributes.dry_run, "options": options,
    }  # fmt: skip
    if attributes.namespace:
        request["namespace"] = attributes.namespace
    if attributes.subresource:
        request["subResource"] = request["requestSubResource"] = attributes.subresource
    return request


def review(call: Call, attributes: Attributes, new: Body | None, uid: str) -> Body:
    """The AdmissionReview v1 to POST; `new` is the object as earlier webhooks left it."""
    request = _request(attributes, new, uid)
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


def apply_answer(call: Call, attributes: Attributes, new: Body | None, uid: str, answer: Any) -> Answer:
    """What the webhook's AdmissionReview does. Raises ApiError when it denies or answers nonsense."""
    response = answer.get("response") if isinstance(answer, dict) else None
    if not isinstance(response, dict):
        return _nonsense(call, new, "webhook response is nil")
    if response.get("uid") != uid:
        return _nonsense(call, new, f"expected response.uid={uid!r}, got {response.get('uid')!r}")
    warnings = tuple(str(warning) for warning in response.get("warnings") or ())
    if not response.get("allowed"):
        raise _denied(call, response.get("status") or {})
    if not call.mutating or not response.get("patch") or new is None:
        return Answer(new, warnings)
    if response.get("patchType") != "JSONPatch":
        return _nonsense(call, new, f"unsupported patch type {response.get('patchType')!r}")
    try:
        operations = json.loads(base64.b64decode(response["patch"], validate=True))
        patched = json_patch(new, operations)
        return Answer(after_mutation(attributes.defn, patched), warnings)
    except (ValueError, binascii.Error) as error:
        return _nonsense(call, new, f"the patch cannot be read: {error}")
    except ApiError as error:
        return _nonsense(call, new, f"the patch cannot be applied: {error.message}")


def _nonsense(call: Call, new: Body | None, problem: str) -> Answer:
    failed(call, call.address, f"received invalid webhook response: {problem}")
    return Answer(new)


def _denied(call: Call, status: Body) -> ApiError:
    message = status.get("message") or status.get("reason")
    head = f'admission webhook "{call.name}" denied the request'
    text = f"{head}: {message}" if message else f"{head} without explanation"
    code = int(status.get("code") or 0)
    if code < 400:
        code = 403
    return ApiError(code, str(status.get("reason") or "Forbidden"), text, status.get("details"))


def failed(call: Call, url: str, error: str) -> str:
    """A webhook that could not be called: raises ApiError 500, or returns a log line when failures are ignored."""
    text = f'failed calling webhook "{call.name}": failed to call webhook: '
    text += error if error.startswith("received invalid") else f'Post "{url}": {error}'
    if call.ignore_failure:
        return f"{text} (failurePolicy is Ignore)"
    raise ApiError(500, "InternalError", f"Internal error occurred: {text}")
