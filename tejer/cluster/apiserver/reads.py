"""Lists, in pages that all show one revision. Source: Kubernetes API concepts, "Retrieving large results sets"."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.core import Core, Request
from tejer.cluster.apiserver.selection import EVERYTHING, Selection
from tejer.cluster.store.log import Compacted, Item
from tejer.kube.resource import Body


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """`resource_version` and `match` as in the query: "" = most recent, "0" = any, Exact = as it was then."""

    selection: Selection = EVERYTHING
    limit: int = 0
    token: str = ""
    resource_version: str = ""
    match: str = ""


class Page(NamedTuple):
    """`remaining` counts what further pages hold, None where selectors make it unknown."""

    items: list[Body]
    revision: int
    token: str = ""
    remaining: int | None = None

    @property
    def metadata(self) -> Body:
        meta: Body = {"resourceVersion": str(self.revision)}
        if self.token:
            meta["continue"] = self.token
            if self.remaining is not None:
                meta["remainingItemCount"] = self.remaining
        return meta


class _Place(msgspec.Struct, frozen=True):
    """Where a continued list goes on: after the object `namespace`/`name`, as of `revision`."""

    revision: int
    namespace: str
    name: str


def list_objects(core: Core, request: Request, options: ListOptions) -> Page:
    """Raises ApiError 410 when the revision asked for is compacted, 504 when it is still to come."""
    place = _decode(options.token) if options.token else None
    at = place.revision if place else _revision(core, options)
    try:
        items = core.store.list(request.defn.group, request.defn.rtype.plural, request.namespace, at=at)
    except Compacted as gone:
        raise errors.expired(_expired(options.token, gone)) from gone
    revision = core.store.revision if at is None else at
    if place:
        items = [item for item in items if item.key[2:] > (place.namespace, place.name)]
    chosen = items if options.selection.is_everything else [i for i in items if options.selection.matches(i.body)]
    if not options.limit or len(chosen) <= options.limit:
        return Page([request.defn.convert(item.body) for item in chosen], revision)
    page, last = chosen[: options.limit], chosen[options.limit - 1]
    remaining = len(chosen) - options.limit if options.selection.is_everything else None
    return Page([request.defn.convert(item.body) for item in page], revision, _encode(revision, last), remaining)


def _revision(core: Core, options: ListOptions) -> int | None:
    """The revision to read at, None for the newest."""
    asked = parse_revision(options.resource_version)
    if options.match and not options.resource_version:
        raise errors.bad_request("resourceVersionMatch is forbidden unless resourceVersion is provided")
    if options.match not in ("", "Exact", "NotOlderThan"):
        raise errors.bad_request(f"resourceVersionMatch {options.match!r} is none of Exact, NotOlderThan")
    if asked > core.store.revision:
        raise errors.revision_too_large(asked, core.store.revision)
    exact = options.match == "Exact" or (options.match == "" and options.limit and asked)
    return asked if exact else None


def parse_revision(text: str) -> int:
    """Raises ApiError 400; "" is 0."""
    if text and not text.isdigit():
        raise errors.bad_request(f'Invalid value: "{text}": resourceVersion must be a non-negative integer')
    return int(text or 0)


def _encode(revision: int, last: Item) -> str:
    place = _Place(revision, last.key.namespace, last.key.name)
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


def _decode(token: str) -> _Place:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token), type=_Place)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise errors.bad_request("continue key is not valid: start the list again without it") from None


def _expired(token: str, gone: Compacted) -> str:
    if token:
        return (
            "The provided continue parameter is too old to display a consistent list result. "
            "You must start a new list without the continue parameter."
        )
    return f"too old resource version: {gone.revision} ({gone.floor})"
