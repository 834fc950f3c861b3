"""What `install --set` and an IstioOperator file may say: the tree of settings that have an effect.

A setting that is not in the tree is refused with the nearest name that is; one that Istio knows but this mesh does
not act on is refused too, because a setting without effect is worse than none.
"""

from __future__ import annotations

import difflib
from typing import Any, TypeAlias

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio_mesh import MeshConfig

Shape: TypeAlias = Any
"""A Python type for a scalar, `dict` for open JSON, a mapping of names, a one-element list, or a Kind."""

_KUBERNETES: dict[str, Shape] = {
    "replicaCount": int,
    "resources": dict,
    "env": [dict],
    "nodeSelector": dict,
    "tolerations": [dict],
    "podAnnotations": dict,
    "serviceAnnotations": dict,
    "service": {"type": str, "ports": [dict]},
}
_GATEWAY: dict[str, Shape] = {
    "enabled": bool, "name": str, "namespace": str, "label": dict, "k8s": _KUBERNETES,
}  # fmt: skip
SHAPE: dict[str, Shape] = {
    "profile": str,
    "namespace": str,
    "hub": str,
    "tag": str,
    "revision": str,
    "meshConfig": MeshConfig,
    "components": {
        "base": {"enabled": bool},
        "pilot": {"enabled": bool, "k8s": _KUBERNETES},
        "ingressGateways": [_GATEWAY],
        "egressGateways": [_GATEWAY],
    },
    "values": {
        "global": {
            "hub": str,
            "tag": str,
            "istioNamespace": str,
            "meshID": str,
            "network": str,
            "multiCluster": {"clusterName": str},
            "logging": {"level": str},
            "proxy": {"logLevel": str, "resources": dict, "image": str, "holdApplicationUntilProxyStarts": bool},
            "proxy_init": {"image": str, "resources": dict},
        },
        "pilot": {"env": dict, "resources": dict, "replicaCount": int},
        "sidecarInjectorWebhook": {"rewriteAppHTTPProbe": bool, "enableNamespacesByDefault": bool},
    },
}


def check(value: Any, shape: Shape, path: str) -> Any:
    """`value` with scalars as `shape` has them. Raises ValueError naming the path of what does not fit."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise ValueError(f"{path}: expected an object, got {value!r}")
        return {name: check(item, _member(shape, name, path), _join(path, name)) for name, item in value.items()}
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise ValueError(f"{path}: expected a list, got {value!r} (write {path}[0])")
        return [check(item, shape[0], f"{path}[{index}]") for index, item in enumerate(value)]
    if issubclass(shape, Kind):
        return _check_kind(value, shape, path)
    return _scalar(value, shape, path)


def _check_kind(value: Any, kind: type[Kind], path: str) -> Any:
    named: dict[str, Shape] = {}
    for field in msgspec.structs.fields(kind):
        inner = _kind_in(field.type)
        named[field.encode_name] = inner or object
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected an object, got {value!r}")
    for name, item in value.items():
        member = _member(named, name, path)
        if member is not object and isinstance(item, dict):
            _check_kind(item, member, _join(path, name))
    try:
        msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        raise ValueError(f"{path}{where.rstrip('`')}: {message}") from None
    return value


def _kind_in(hint: Any) -> type[Kind] | None:
    for member in getattr(hint, "__args__", (hint,)):
        if isinstance(member, type) and issubclass(member, Kind):
            return member
    return None


def _scalar(value: Any, shape: Shape, path: str) -> Any:
    if shape is str and isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    if shape is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        names = {str: "text", int: "a number", float: "a number", bool: "true or false", dict: "an object"}
        raise ValueError(f"{path}: expected {names[shape]}, got {value!r}")
    return value


def _member(shape: dict[str, Shape], name: str, path: str) -> Shape:
    if name in shape:
        return shape[name]
    close = difflib.get_close_matches(name, shape, 1, 0.5)
    hint = f"did you mean {_join(path, close[0])}?" if close else f"known: {', '.join(sorted(shape))}"
    raise ValueError(f"{_join(path, name)}: no such setting; {hint}")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
