"""Server-side apply and the bookkeeping of metadata.managedFields."""

from __future__ import annotations

from datetime import datetime

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.resource import Body


def server_side_apply(
    defn: Definition, current: Body | None, applied: Body, *, manager: str, force: bool = False, subresource: str = "",
    now: datetime,
) -> Body:  # fmt: skip
    """Merge the applied configuration into `current` (None: the object does not exist yet).

    Returns the whole object with its managedFields. Raises ApiError 409 naming each conflict and its manager unless
    `force`; 400 when the configuration holds managedFields or another kind.
    """
    raise NotImplementedError


def track_update(
    defn: Definition, old: Body | None, new: Body, *, manager: str, subresource: str = "", now: datetime
) -> Body:
    """`new` with managedFields that record what `manager` changed by a create, update or patch."""
    raise NotImplementedError
