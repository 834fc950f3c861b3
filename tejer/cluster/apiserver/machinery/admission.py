"""Admission webhooks, planned: which are called, with what review, and what their answer does to the object.

The shell calls `plan_calls` once per phase, POSTs `review(...)` to each `Call` (mutating ones one after another on the
changed object, validating ones at once) and hands the answer to `apply_answer`, or the failure to `failed`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.resource import Body


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


class Answer(NamedTuple):
    """`body` is the object after the webhook's patch (the same one when it changed nothing)."""

    body: Body | None
    warnings: tuple[str, ...] = ()


def plan_calls(attributes: Attributes, configurations: Iterable[Body], *, mutating: bool) -> tuple[Call, ...]:
    """The webhooks of these configurations whose rules, selectors and matchConditions fit, in calling order."""
    raise NotImplementedError


def review(call: Call, attributes: Attributes, new: Body | None, uid: str) -> Body:
    """The AdmissionReview v1 to POST; `new` is the object as earlier webhooks left it."""
    raise NotImplementedError


def apply_answer(call: Call, attributes: Attributes, new: Body | None, uid: str, answer: Body) -> Answer:
    """What the webhook's AdmissionReview does. Raises ApiError when it denies or answers nonsense."""
    raise NotImplementedError


def failed(call: Call, url: str, error: str) -> str:
    """A webhook that could not be called: raises ApiError 500, or returns a log line when failures are ignored."""
    raise NotImplementedError
