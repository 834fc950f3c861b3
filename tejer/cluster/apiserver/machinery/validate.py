"""`validate`: is this object acceptable? Schema and CEL for custom resources, hand-written rules for built-in kinds."""

from __future__ import annotations

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.resource import Body


def validate(defn: Definition, new: Body, old: Body | None = None, subresource: str = "") -> tuple[str, ...]:
    """Raise ApiError 422 with all causes when `new` (replacing `old`) is invalid; return warnings otherwise."""
    raise NotImplementedError
