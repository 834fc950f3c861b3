"""Queries of the pod subresources: Go's booleans, and which container is meant."""

from __future__ import annotations

from collections.abc import Mapping

from tejer.kube.api import ApiError
from tejer.kube.resource import Body, name_of

_TRUE = ("1", "t", "T", "true", "TRUE", "True")


def flag(params: Mapping[str, str], name: str) -> bool:
    """A boolean of the query as Go's ParseBool reads it (the Python clients send `True`)."""
    return params.get(name, "") in _TRUE


def whole_number(params: Mapping[str, str], name: str) -> int | None:
    """A number >= 0 of the query, or None. Raises ApiError 400."""
    text = params.get(name)
    if not text:
        return None
    if not text.isdecimal():
        raise ApiError(400, "BadRequest", f"{name} is {text!r}; it must be a whole number, 0 or more")
    return int(text)


def container_of(pod: Body, wanted: str) -> str:
    """The container's name: `wanted` if the pod has it, or the only one. Raises ApiError 400 as the API server does."""
    spec = pod.get("spec") or {}
    names = [str(container["name"]) for container in spec.get("containers") or []]
    init = [str(container["name"]) for container in spec.get("initContainers") or []]
    ephemeral = [str(container["name"]) for container in spec.get("ephemeralContainers") or []]
    if wanted:
        if wanted not in names + init + ephemeral:
            raise ApiError(400, "BadRequest", f"container {wanted} is not valid for pod {name_of(pod)}")
        return wanted
    if len(names) == 1:
        return names[0]
    message = f"a container name must be specified for pod {name_of(pod)}, choose one of: [{' '.join(names)}]"
    if init:
        message += f" or one of the init containers: [{' '.join(init)}]"
    raise ApiError(400, "BadRequest", message)
