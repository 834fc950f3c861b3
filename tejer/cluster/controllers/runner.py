"""Runs controllers: watches every kind, keeps the World, and performs the writes that reconcile functions ask for.

The only I/O of this package. A key is never in work twice at once; what fails is tried again with growing delays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from tejer.cluster.controllers.controller import Controller
from tejer.cluster.controllers.queue import WorkQueue
from tejer.cluster.controllers.world import World
from tejer.cluster.controllers.writes import Again, Create, Delete, OwnerAddress, Patch, Update, Write
from tejer.kube.api import Api, ApiError
from tejer.kube.informer import Informer
from tejer.kube.resource import Body, Change, Key, metadata
from tejer.kube.types import BUILTIN_TYPES, CUSTOMRESOURCEDEFINITIONS, ResourceType

log = logging.getLogger(__name__)

ApiAs = Callable[[str], Api]
"""Gives the Api as seen by a named system user."""

_READER = "system:kube-controller-manager"


class Runner:
    """`ready` is set when every built-in kind has been listed once and the first round is queued."""

    def __init__(self, api_as: ApiAs, controllers: Sequence[Controller]) -> None:
        self.world = World()
        self.ready = asyncio.Event()
        self._controllers = [(controller, WorkQueue(), api_as(controller.user)) for controller in controllers]
        self._reader = api_as(_READER)
        self._custom: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Runs until cancelled."""
        watched = [rtype for rtype in BUILTIN_TYPES if "watch" in rtype.verbs]
        informers = [self._informer(rtype) for rtype in watched]
        async with asyncio.TaskGroup() as group:
            for informer in informers:
                group.create_task(informer.run(self._on_changes(group)))
            for informer in informers:
                await informer.synced.wait()
            for controller, queue, api in self._controllers:
                for _ in range(controller.workers):
                    group.create_task(self._work(group, controller, queue, api))
            self.ready.set()

    def _informer(self, rtype: ResourceType) -> Informer:
        self.world.types[(rtype.group, rtype.plural)] = rtype
        return Informer(self._reader, rtype)

    def _on_changes(self, group: asyncio.TaskGroup) -> Callable[[list[Change]], None]:
        def on_changes(changes: list[Change]) -> None:
            for change in self.world.apply(changes):
                self._enqueue(change)
                if change.key.resource == CUSTOMRESOURCEDEFINITIONS.plural:
                    self._follow(group, change)

        return on_changes

    def _enqueue(self, change: Change) -> None:
        for controller, queue, _ in self._controllers:
            for key in controller.keys(self.world, change):
                queue.add(key)

    def _follow(self, group: asyncio.TaskGroup, change: Change) -> None:
        """Watch the kind of a CRD from when it is established until it goes."""
        rtype = _custom_type(change.new) if change.new is not None else None
        running = self._custom.get(change.key.name)
        if rtype is None and running is not None:
            running.cancel()
            del self._custom[change.key.name]
        elif rtype is not None and running is None:
            informer = self._informer(rtype)
            self._custom[change.key.name] = group.create_task(informer.run(self._on_changes(group)))

    async def _work(self, group: asyncio.TaskGroup, controller: Controller, queue: WorkQueue, api: Api) -> None:
        while True:
            key = await queue.take()
            try:
                again = await self._reconcile(controller, api, key)
            except ApiError as error:
                queue.failed(key)
                level = logging.DEBUG if error.code in (404, 409) else logging.WARNING
                log.log(level, "%s: %s: %s", controller.name, key, error.message)
            except OSError as error:
                queue.failed(key)
                log.warning("%s: %s: %s", controller.name, key, error)
            except Exception:  # one broken object must not stop the loop for all others
                queue.failed(key)
                log.exception("%s: %s", controller.name, key)
            else:
                queue.done(key, again)

    async def _reconcile(self, controller: Controller, api: Api, key: Key) -> float | None:
        writes = controller.reconcile(self.world, key, datetime.now(UTC))
        waits = [write.seconds for write in writes if isinstance(write, Again)]
        for write in writes:
            await self._perform(api, write)
        return min(waits, default=None)

    async def _perform(self, api: Api, write: Write) -> None:
        if isinstance(write, Create):
            await self._create(api, write)
        elif isinstance(write, Update):
            answer = await api.update(write.rtype, write.body, subresource=write.subresource)
            self._observe(write.rtype, answer)
        elif isinstance(write, Patch):
            key = write.key
            answer = await api.patch(write.rtype, key.name, key.namespace, write.patch, subresource=write.subresource)
            self._observe(write.rtype, answer)
        elif isinstance(write, Delete):
            await self._delete(api, write)

    async def _create(self, api: Api, write: Create) -> None:
        try:
            answer = await api.create(write.rtype, write.body, str(metadata(write.body).get("namespace", "")))
        except ApiError as error:
            if error.reason == "AlreadyExists" and write.ignore_conflict:
                return
            if _in_terminating_namespace(error):
                return  # nothing to make there, and nothing to complain about
            await self._perform_all(api, write.on_error(error) if write.on_error else ())
            raise
        self._observe(write.rtype, answer)
        await self._perform_all(api, write.on_created(answer) if write.on_created else ())

    async def _perform_all(self, api: Api, writes: Iterable[Write]) -> None:
        for write in writes:
            await self._perform(api, write)

    async def _delete(self, api: Api, write: Delete) -> None:
        for owner in write.unless_alive:
            if await _exists(api, owner):
                return
        key = write.key
        try:
            answer = await api.delete(
                write.rtype, key.name, key.namespace, propagation_policy=write.propagation, uid=write.uid
            )
        except ApiError as error:
            if error.code not in (404, 409):  # gone already, or another object by now
                raise
            return
        if not _is_gone(answer):
            self._observe(write.rtype, answer)
        elif (old := self.world.get(key)) is not None:
            self.world.forget(key)
            self._enqueue(Change(key, old, None))

    def _observe(self, rtype: ResourceType, body: Body) -> None:
        """See our own write at once, and let the others know."""
        key = rtype.key_of(body)
        old = self.world.get(key)
        if self.world.observe(key, body):
            self._enqueue(Change(key, old, body))


async def _exists(api: Api, owner: OwnerAddress) -> bool:
    try:
        found = await api.get(owner.rtype, owner.name, owner.namespace)
    except ApiError as error:
        if error.code == 404:
            return False
        raise
    return metadata(found).get("uid") == owner.uid


def _is_gone(answer: Body) -> bool:
    """A delete's answer: a Status, or the object's last state with nothing left that holds it."""
    meta = metadata(answer)
    held = meta.get("finalizers") or (answer.get("spec") or {}).get("finalizers")
    return answer.get("kind") == "Status" or not (held or meta.get("deletionGracePeriodSeconds"))


def _in_terminating_namespace(error: ApiError) -> bool:
    causes = error.details.get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def _custom_type(crd: Body) -> ResourceType | None:
    """The kind that an established CRD defines."""
    conditions = (crd.get("status") or {}).get("conditions") or ()
    if not any(one.get("type") == "Established" and one.get("status") == "True" for one in conditions):
        return None
    spec = crd["spec"]
    version = next((one["name"] for one in spec["versions"] if one.get("storage")), "")
    return ResourceType(
        spec["group"], version, spec["names"]["plural"], spec["names"]["kind"],
        namespaced=spec.get("scope") != "Cluster",
    )  # fmt: skip
