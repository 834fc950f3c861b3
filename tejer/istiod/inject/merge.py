"""Combine a template's container with what the user wrote for it, as a strategic merge patch would: the user wins."""

from __future__ import annotations

from typing import Any

from tejer.kube.resource import Body

_LIST_KEYS = {
    "env": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "volumes": "name",
    "containers": "name",
    "initContainers": "name",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "volumeDevices": "devicePath",
}
"""Lists of objects that merge by a key; every other list of the user's replaces the template's."""

AUTO_IMAGE = "auto"


def merge(template: Any, user: Any, key: str = "") -> Any:
    """`user` over `template`. Neither is changed; `null` in `user` takes a field away."""
    if isinstance(template, dict) and isinstance(user, dict):
        result = {name: value for name, value in template.items() if name not in user}
        for name, value in user.items():
            if value is not None:
                result[name] = merge(template[name], value, name) if name in template else value
        return result
    if isinstance(template, list) and isinstance(user, list) and (identity := _LIST_KEYS.get(key)):
        return _merge_lists(template, user, identity)
    return user


def _merge_lists(template: list[Body], user: list[Body], identity: str) -> list[Body]:
    mine = {item.get(identity): item for item in user}
    merged = [merge(item, mine.pop(item.get(identity), {})) for item in template]
    return merged + [item for item in user if item.get(identity) in mine]


def merge_container(template: Body, user: Body) -> Body:
    """As `merge`, where the user's `image: auto` stands for the template's image."""
    if user.get("image") == AUTO_IMAGE:
        user = {name: value for name, value in user.items() if name != "image"}
    # A template's env goes first: a user's variable may refer to it.
    merged: Body = merge(template, user)
    return merged
