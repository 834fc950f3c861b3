"""The pure half of a write: from a client's body to the object to store. In order, for the HTTP shell:

create: `prepare_create` → `track_update` → mutating webhooks, after each patch `after_mutation` → allocation (cluster
IPs) → `validate` → validating webhooks → store.
update and patch: `apply_patch` (patches) → `prepare_update` → `track_update` → mutating webhooks → `validate` →
validating webhooks → when `changed(old, new)`, store.
server-side apply: `server_side_apply` → `prepare_create`/`prepare_update` → mutating webhooks → ... as above, no
`track_update`.

Every function raises ApiError as Kubernetes would (400 for decoding, 422 for invalid objects) and mutates nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.resource import Body


class Prepared(NamedTuple):
    """`warnings` go to the client as `Warning: 299` headers, one each."""

    body: Body
    warnings: tuple[str, ...] = ()


def prepare_create(
    defn: Definition, body: Body, *, namespace: str = "", now: datetime, field_validation: str = "",
    duplicates: tuple[str, ...] = (), name: str = "",
) -> Prepared:  # fmt: skip
    """The object a POST would create: decoded as Go would, defaulted, metadata set, status reset.

    `namespace` is the request path's; a body that says another is refused. `field_validation` is Strict, Warn or
    Ignore ("" = Warn); `duplicates` are the duplicate fields the JSON reader met. `name` (from the path) is required to
    match, for create-on-apply. Sets uid, creationTimestamp, generation and a generateName suffix; no resourceVersion.
    """
    raise NotImplementedError


def prepare_update(
    defn: Definition, old: Body, new: Body, *, subresource: str = "", now: datetime, field_validation: str = "",
    duplicates: tuple[str, ...] = (),
) -> Prepared:  # fmt: skip
    """The object that replaces `old`: what the (sub)resource may not touch is taken from `old`.

    `subresource` is "" or "status" (then only status and a few metadata fields move). `generation` grows when anything
    outside metadata and status changed. uid, name or namespace that differ are refused with 409 or 400. The shell
    checks resourceVersion itself.
    """
    raise NotImplementedError


def after_mutation(defn: Definition, body: Body) -> Body:
    """Decode again what a mutating webhook returned: unknown fields pruned, defaults filled."""
    raise NotImplementedError


def changed(old: Body, new: Body) -> bool:
    """Whether a write of `new` over `old` must get a new resourceVersion (times in managedFields do not count)."""
    raise NotImplementedError
