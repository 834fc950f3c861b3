"""From method and path to what is asked: `parse_route` is pure and knows no resource but by name.

Source: Kubernetes' `apiserver/pkg/endpoints/request/requestinfo.go`.
"""

from __future__ import annotations

from dataclasses import dataclass

_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")


@dataclass(frozen=True, slots=True)
class Route:
    """`verb` is the API verb RBAC judges. For paths that name no resource only `verb` and `path` are set."""

    verb: str
    path: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: tuple[str, ...] = ()


def parse_route(method: str, path: str, *, watch: bool = False) -> Route:
    """`watch` says whether the query asks to watch. Unknown shapes come back with `is_resource=False`."""
    parts = [part for part in path.split("/") if part]
    verb = _VERBS.get(method, method.lower())
    if parts[:1] == ["api"] and len(parts) >= 3:
        group, version, parts = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) >= 4:
        group, version, parts = parts[1], parts[2], parts[3:]
    else:
        return Route(method.lower(), path)
    if parts[0] == "watch" and len(parts) > 1:
        watch, parts = True, parts[1:]
    namespace = ""
    if parts[0] == "namespaces" and len(parts) >= 2:
        namespace = parts[1]
        if len(parts) >= 3 and parts[2] not in _NAMESPACE_SUBRESOURCES:
            parts = parts[2:]
    resource, name, subresource, *rest = [*parts, "", ""]
    return Route(
        _refine(verb, name, watch), path, True, group, version, resource, namespace, name, subresource,
        tuple(part for part in rest if part),
    )  # fmt: skip


def _refine(verb: str, name: str, watch: bool) -> str:
    if verb == "get" and watch:
        return "watch"
    if verb == "get" and not name:
        return "list"
    if verb == "delete" and not name:
        return "deletecollection"
    return verb
