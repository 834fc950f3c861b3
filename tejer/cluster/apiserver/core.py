"""`Core`: what every verb shares, and `Request`, one call on one resource whoever made it (HTTP or in-process)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.auth.users import User
from tejer.cluster.apiserver.config import ServerConfig
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.registry import Registry
from tejer.cluster.store.log import Event, Item, RevisionConflict, Store, StoreUnavailable
from tejer.kube.resource import Body, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`manager` is the field manager; `warnings` collects what the client is to be told besides the answer."""

    user: User
    defn: Definition
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    dry_run: bool = False
    manager: str = ""
    field_validation: str = ""
    force: bool = False
    duplicates: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)

    def key(self, name: str = "") -> Key:
        return self.defn.rtype.key(self.namespace, name or self.name)


Hook = Callable[[Event], Awaitable[None]]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Core:
    """`hooks` run after each commit, in order, before the writer gets its answer (a new CRD is served at once)."""

    store: Store
    registry: Registry
    config: ServerConfig
    now: Callable[[], datetime] = utc_now
    hooks: list[Hook] = field(default_factory=list)

    def find(self, request: Request) -> Item | None:
        return self.store.get(request.key())

    def existing(self, request: Request) -> Item:
        """The object that the request names. Raises ApiError 404."""
        item = self.find(request)
        if item is None:
            raise errors.not_found(request.defn, request.name)
        return item

    async def commit(self, request: Request, name: str, old: Item | None, new: Body | None) -> Body:
        """Store `new` over `old` (None: create, delete) and return it as the request's version shows it.

        A dry run stops here. A deletion returns the last state. Raises ApiError 409 when another writer was faster.
        """
        key = request.key(name)
        storage = self.registry.storage(key.group, key.resource) or request.defn
        if request.dry_run:
            return new if new is not None else _body(old)
        stored = None if new is None else storage.convert(new)
        try:
            event = await self.store.write(key, stored, expect=old.revision if old else 0)
        except RevisionConflict as refused:
            raise self._lost(request, name, old, refused) from refused
        except StoreUnavailable as error:
            raise errors.store_failed(str(error)) from error
        for hook in self.hooks:
            await hook(event)
        return request.defn.convert(event.new if event.new is not None else _deleted(event))

    def _lost(self, request: Request, name: str, old: Item | None, refused: RevisionConflict) -> Exception:
        if old is None:
            return errors.already_exists(request.defn, name)
        if refused.current == 0:
            return errors.not_found(request.defn, name)
        return errors.conflict(request.defn, name)


def _body(item: Item | None) -> Body:
    assert item is not None, "a deletion has something to delete"
    return item.body


def _deleted(event: Event) -> Body:
    """A deletion's last state, at the revision of the deletion: what a watcher sees."""
    assert event.old is not None
    return {**event.old, "metadata": {**event.old["metadata"], "resourceVersion": str(event.revision)}}
