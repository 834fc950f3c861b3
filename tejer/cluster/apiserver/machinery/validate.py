"""`validate`: is this object acceptable? Schema and CEL for custom resources, hand-written rules for built-in kinds."""

from __future__ import annotations

from tejer.cluster.apiserver.machinery.causes import Cause, invalid
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.objectmeta import check_metadata, check_metadata_update
from tejer.kube.resource import Body, metadata


def validate(defn: Definition, new: Body, old: Body | None = None, subresource: str = "") -> tuple[str, ...]:
    """Raise ApiError 422 with all causes when `new` (replacing `old`) is invalid; return warnings otherwise."""
    causes: list[Cause] = check_metadata(defn, metadata(new))
    if old is not None:
        causes += check_metadata_update(metadata(new), metadata(old))
    if causes:
        raise invalid(defn.group, defn.kind, str(metadata(new).get("name", "")), causes)
    return ()
