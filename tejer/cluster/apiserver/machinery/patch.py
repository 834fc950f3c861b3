"""JSON patch, JSON merge patch and strategic merge patch."""

from __future__ import annotations

from typing import Any

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.resource import Body


def apply_patch(defn: Definition, current: Body, patch: Any, content_type: str) -> Body:
    """`current` changed by the decoded `patch`; `current` itself stays as it is.

    `content_type` is one of JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH of `tejer.kube.api` (parameters are ignored).
    Raises ApiError: 415 for another type or a strategic patch of a custom resource, 400 for a malformed patch, 422 for
    a JSON patch that does not apply.
    """
    raise NotImplementedError
