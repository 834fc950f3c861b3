"""`Api`: the one interface through which every room reads and writes Kubernetes objects.

Two implementations: `tejer.kube.client.HttpApi` (any API server) and the embedded server's in-process one, which
takes the same write path (admission, validation, managed fields, store). Callers cannot tell them apart.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple, Protocol

from tejer.kube.resource import Body
from tejer.kube.types import ResourceType

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class ApiError(Exception):
    """A Kubernetes `Status` failure: `code` is the HTTP status, `reason` e.g. "NotFound", `body` the whole Status."""

    def __init__(self, code: int, reason: str, message: str, details: Body | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details or {}

    @property
    def body(self) -> Body:
        status: Body = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        }  # fmt: skip
        if self.details:
            status["details"] = self.details
        return status


class ListResult(NamedTuple):
    """A consistent read: the objects as they were at `resource_version`."""

    items: list[Body]
    resource_version: str
    continue_token: str = ""


class WatchEvent(NamedTuple):
    """`type` is ADDED, MODIFIED, DELETED or BOOKMARK. An ERROR event is raised as ApiError (410 = list again)."""

    type: str
    object: Body


class Api(Protocol):
    """What a Kubernetes client can do. Every method raises ApiError on refusal."""

    async def get(self, rtype: ResourceType, name: str, namespace: str = "") -> Body: ...

    async def list(
        self, rtype: ResourceType, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> ListResult: ...

    def watch(
        self,
        rtype: ResourceType,
        namespace: str = "",
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        """Events after `resource_version`, with bookmarks, until the server ends the stream."""
        ...

    async def create(self, rtype: ResourceType, body: Body, namespace: str = "", *, subresource: str = "",
                     name: str = "", dry_run: bool = False) -> Body:  # fmt: skip
        """Create an object, or POST to a subresource (`token`, `eviction`) of the object `name`."""
        ...

    async def update(self, rtype: ResourceType, body: Body, *, subresource: str = "") -> Body:
        """Replace the object; a resourceVersion in the body makes it conditional (409 Conflict)."""
        ...

    async def patch(self, rtype: ResourceType, name: str, namespace: str, patch: Any, *,
                    content_type: str = MERGE_PATCH, subresource: str = "", field_manager: str = "",
                    force: bool = False, dry_run: bool = False) -> Body:  # fmt: skip
        ...

    async def delete(self, rtype: ResourceType, name: str, namespace: str = "", *,
                     grace_period_seconds: int | None = None, propagation_policy: str = "",
                     uid: str = "") -> Body:  # fmt: skip
        ...
