"""istiod's admission webhooks on :15017: `/inject` gives pods their sidecar, `/validate` refuses bad configuration.

Both only translate between AdmissionReview and pure functions. A fault of ours refuses the object with a message that
says so: silence would let a pod in without its sidecar or a broken policy into the mesh.
Source: kubernetes.io "Dynamic Admission Control"; Istio's pkg/kube/inject/webhook.go and pkg/webhooks/validation.
"""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from aiohttp import web

from tejer.istiod.metrics import Metrics
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Body, name_of
from tejer.kube.types import ISTIO_TYPES

log = logging.getLogger(__name__)

MAX_REVIEW = 8 << 20
_KNOWN = {(rtype.group, version, rtype.plural) for rtype in ISTIO_TYPES for version in rtype.versions}
_encode = msgspec.json.Encoder().encode


class Injection(NamedTuple):
    """What injection decided: JSONPatch operations (none: the pod stays as it is), warnings, and why."""

    patch: Sequence[Body] = ()
    warnings: Sequence[str] = ()
    why: str = ""


Inject = Callable[[Body, str], Injection]
"""(pod, namespace) -> Injection. Raises ValueError when the pod asks for what can't be done."""
Validate = Callable[[Body, Body | None], Sequence[Problem]]
"""(new object, the one it replaces) -> problems."""


def review_inject(review: Body, inject: Inject, metrics: Metrics) -> Body:
    """Answer one AdmissionReview of a pod."""
    request = review.get("request") or {}
    metrics.injections.add()
    started = time.monotonic()
    pod, namespace = request.get("object") or {}, str(request.get("namespace", ""))
    try:
        injection = inject(pod, namespace)
    except Exception as error:
        metrics.inject_failed.add()
        name = name_of(pod) or (pod.get("metadata") or {}).get("generateName", "")
        if not isinstance(error, ValueError):
            log.exception("injecting pod %s/%s", namespace, name)
        return _answer(review, refused=f"sidecar injection of pod {namespace}/{name}: {error}")
    (metrics.injected if injection.patch else metrics.inject_skipped).add()
    metrics.injection_time.observe(time.monotonic() - started)
    return _answer(review, patch=injection.patch, warnings=injection.warnings)


def review_validate(review: Body, validate: Validate, metrics: Metrics) -> Body:
    """Answer one AdmissionReview of an Istio object: errors refuse it, the rest becomes warnings."""
    request = review.get("request") or {}
    body = request.get("object") or {}
    try:
        problems = validate(body, request.get("oldObject"))
    except Exception as error:
        log.exception("validating %s %s", body.get("kind"), name_of(body))
        metrics.invalid.add(*_resource_of(request), "internal_error")
        return _answer(review, refused=f"a fault of istiod's in validation: {type(error).__name__}: {error}")
    errors = [p for p in problems if p.severity is Severity.ERROR]
    warnings = [sentence(p) for p in problems if p.severity is not Severity.ERROR]
    if not errors:
        metrics.validated.add(*_resource_of(request))
        return _answer(review, warnings=warnings)
    metrics.invalid.add(*_resource_of(request), "invalid_resource")
    kind, name = body.get("kind", ""), name_of(body)
    text = "; ".join(sentence(p) for p in errors)
    return _answer(review, warnings=warnings, refused=f"configuration is invalid: {kind} {name!r}: {text}")


def _resource_of(request: Body) -> tuple[str, str, str]:
    """Group, version and resource for a metric: those we know, since any pod can call us and each value stays."""
    asked = request.get("resource")
    found = (
        tuple(str(asked.get(name, "")) for name in ("group", "version", "resource")) if isinstance(asked, dict) else ()
    )
    return found if found in _KNOWN else ("", "", "other")


def sentence(problem: Problem) -> str:
    """`spec.hosts[0]: must not be empty (hint)`, with Istio's code before it if there is one."""
    code = f"[{problem.code}] " if problem.code else ""
    field = f"{problem.field}: " if problem.field else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{code}{field}{problem.message}{hint}"


def _answer(review: Body, *, patch: Sequence[Body] = (), warnings: Sequence[str] = (), refused: str = "") -> Body:
    response: Body = {"uid": (review.get("request") or {}).get("uid", ""), "allowed": not refused}
    if refused:
        response["status"] = {"message": refused, "reason": "BadRequest", "code": 400}
    if patch and not refused:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(_encode(list(patch))).decode()
    if warnings:
        response["warnings"] = list(warnings)
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def make_app(inject: Inject, validate: Validate, metrics: Metrics) -> web.Application:
    """The HTTPS application; `/inject/...` may carry Istio's per-cluster path parameters, which we don't need."""

    async def on_inject(request: web.Request) -> web.Response:
        return _respond(review_inject(await _review(request), inject, metrics))

    async def on_validate(request: web.Request) -> web.Response:
        return _respond(review_validate(await _review(request), validate, metrics))

    async def on_ready(_: web.Request) -> web.Response:
        return web.Response(text="ready")

    app = web.Application(client_max_size=MAX_REVIEW)
    app.router.add_post("/inject", on_inject)
    app.router.add_post("/inject/{parameters:.*}", on_inject)
    app.router.add_post("/validate", on_validate)
    app.router.add_get("/ready", on_ready)
    return app


async def _review(request: web.Request) -> Body:
    try:
        review = msgspec.json.decode(await request.read())
    except msgspec.DecodeError as error:
        raise web.HTTPBadRequest(text=f"not an AdmissionReview: {error}") from None
    if not isinstance(review, dict) or not isinstance(review.get("request"), dict):
        raise web.HTTPBadRequest(text="not an AdmissionReview: no request in it")
    return review


def _respond(answer: Body) -> web.Response:
    return web.Response(body=_encode(answer), content_type="application/json")
