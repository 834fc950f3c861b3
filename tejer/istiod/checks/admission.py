"""What the webhook says of an object that is about to be stored."""

from __future__ import annotations

from tejer.istiod.checks.unimplemented import not_yet
from tejer.istiod.checks.validation import errors, validate
from tejer.kube.problem import Problem
from tejer.kube.resource import Body


def admit(body: Body, old: Body | None = None) -> list[Problem]:
    """Errors refuse the object; the rest, and what has no effect yet, is said as warnings."""
    problems = validate(body, old)
    return problems if errors(problems) else [*problems, *not_yet(body)]
