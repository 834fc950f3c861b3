"""The `scale` subresource: a Scale object in front of the object's replica fields. Pure."""

from __future__ import annotations

from typing import Any

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.machinery.definition import Definition, ScalePaths
from tejer.kube.resource import Body, metadata


def scale_of(defn: Definition, body: Body) -> Body:
    """`autoscaling/v1 Scale` of an object."""
    paths = _paths(defn)
    meta = metadata(body)
    kept = {
        key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if key in meta
    }
    status: Body = {"replicas": _read(body, paths.status_replicas) or 0}
    if selector := _selector(defn, body, paths):
        status["selector"] = selector
    return {
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": kept,
        "spec": {"replicas": _read(body, paths.spec_replicas) or 0}, "status": status,
    }  # fmt: skip


def with_scale(defn: Definition, body: Body, scale: Body) -> Body:
    """`body` with the replicas (and the resourceVersion, as a precondition) of `scale`. Raises ApiError 422."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    name = str(metadata(body).get("name", ""))
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        message = f"Invalid value: {replicas!r}: must be greater than or equal to 0"
        raise errors.invalid(defn, name, "spec.replicas", message)
    meta = dict(metadata(body))
    if wanted := metadata(scale).get("resourceVersion"):
        meta["resourceVersion"] = wanted
    return _write({**body, "metadata": meta}, _steps(_paths(defn).spec_replicas), replicas)


def _paths(defn: Definition) -> ScalePaths:
    return defn.scale or ScalePaths()


def _steps(path: str) -> list[str]:
    return [step for step in path.split(".") if step]


def _read(body: Body, path: str) -> Any:
    value: Any = body
    for step in _steps(path):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _write(body: Body, steps: list[str], value: int) -> Body:
    first, *rest = steps
    return {**body, first: _write(body.get(first) or {}, rest, value) if rest else value}


def _selector(defn: Definition, body: Body, paths: ScalePaths) -> str:
    """The selector as text: of custom resources where the CRD says, else the workload's own."""
    if defn.is_crd:
        return str(_read(body, paths.selector) or "") if paths.selector else ""
    selector = (body.get("spec") or {}).get("selector") or {}
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for term in selector.get("matchExpressions") or ():
        values = ",".join(sorted(term.get("values") or ()))
        word = {"In": f"{term['key']} in ({values})", "NotIn": f"{term['key']} notin ({values})",
                "Exists": term["key"], "DoesNotExist": f"!{term['key']}"}  # fmt: skip
        terms.append(word.get(term.get("operator", ""), ""))
    return ",".join(terms)
