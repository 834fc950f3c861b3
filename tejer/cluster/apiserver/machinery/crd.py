"""CustomResourceDefinitions: defaults, validation, and the status the API server itself maintains."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tejer.kube.resource import Body


def crd_status(crd: Body, others: Iterable[Body], now: datetime) -> Body:
    """`crd` with status filled in: acceptedNames, storedVersions, conditions NamesAccepted and Established.

    `others` are the CRDs that exist besides it; names they hold first make NamesAccepted False.
    """
    raise NotImplementedError


def is_established(crd: Body) -> bool:
    """Whether its resources are served."""
    raise NotImplementedError
