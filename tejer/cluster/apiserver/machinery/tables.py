"""`to_table`: objects as `meta.k8s.io/v1 Table`, with the columns `kubectl get` prints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.resource import Body


def to_table(
    defn: Definition, items: Sequence[Body], *, include_object: str = "Metadata", now: datetime,
    list_metadata: Body | None = None, columns: bool = True,
) -> Body:  # fmt: skip
    """A Table of `items`. `include_object` is None, Metadata or Object, as in the query; `columns=False` leaves the
    column definitions out (all watch events but the first)."""
    raise NotImplementedError
