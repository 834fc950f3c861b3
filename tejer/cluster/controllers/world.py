"""`World`: what the controllers know of the cluster: a cache of the objects with the indexes that they need.

The runner feeds it from watches and with the answers to its own writes. So a reconcile function always sees what an
earlier one wrote, and needs no "expectations" as kube-controller-manager does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tejer.kube.resource import Body, Change, Key, metadata
from tejer.kube.types import ResourceType

_REMEMBERED = 4096
"""Deleted objects that are remembered by uid."""
_NOTHING: dict[Key, Body] = {}


class World:
    """Bodies in it are never mutated. Not for use by more than one thread."""

    def __init__(self) -> None:
        self._objects: dict[Key, Body] = {}
        self._by_place: defaultdict[tuple[str, str, str], dict[Key, Body]] = defaultdict(dict)
        self._by_owner: defaultdict[str, set[Key]] = defaultdict(set)
        self._by_uid: dict[str, Key] = {}
        self._gone: dict[str, None] = {}
        self.types: dict[tuple[str, str], ResourceType] = {}

    def get(self, key: Key) -> Body | None:
        return self._objects.get(key)

    def all(self, rtype: ResourceType, namespace: str = "") -> list[Body]:
        """All objects of a kind, in one namespace or in all."""
        if namespace:
            return list(self._by_place.get((rtype.group, rtype.plural, namespace), _NOTHING).values())
        places = [place for place in self._by_place if place[:2] == (rtype.group, rtype.plural)]
        return [body for place in places for body in self._by_place[place].values()]

    def in_namespace(self, namespace: str) -> list[tuple[ResourceType, Body]]:
        """Everything that lies in a namespace, of every kind known."""
        found = []
        for (group, plural, where), bodies in self._by_place.items():
            if where == namespace and (rtype := self.types.get((group, plural))) is not None:
                found += [(rtype, body) for body in bodies.values()]
        return found

    def dependents(self, uid: str) -> list[Key]:
        """Keys of the objects with an ownerReference to `uid`."""
        return sorted(self._by_owner.get(uid, ()))

    def owned(self, rtype: ResourceType, uid: str) -> list[Body]:
        """Objects of a kind whose *controller* is `uid`, in the order of their keys."""
        bodies = [
            self._objects[key]
            for key in self.dependents(uid)
            if (key.group, key.resource) == (rtype.group, rtype.plural)
        ]
        return [body for body in bodies if controller_uid(body) == uid]

    def by_uid(self, uid: str) -> Key | None:
        return self._by_uid.get(uid)

    def type_of(self, key: Key) -> ResourceType | None:
        return self.types.get((key.group, key.resource))

    def type_of_kind(self, api_version: str, kind: str) -> ResourceType | None:
        """The type that an ownerReference means; its version does not matter."""
        group = api_version.rpartition("/")[0]
        return next((t for t in self.types.values() if t.group == group and t.kind == kind), None)

    def apply(self, changes: Iterable[Change]) -> list[Change]:
        """Take changes from a watch; returns those that were news (ours may be known already)."""
        news = []
        for change in changes:
            old = self._objects.get(change.key)
            if change.new is None:
                uid = str(metadata(change.old or {}).get("uid", ""))
                self._bury(uid)
                if old is not None and metadata(old).get("uid") == uid:
                    self._drop(change.key)
                news.append(Change(change.key, old or change.old, None))
            elif self.observe(change.key, change.new):
                news.append(Change(change.key, old, change.new))
        return news

    def observe(self, key: Key, body: Body) -> bool:
        """Take the server's answer for `key` unless something newer is known. True if it was news."""
        meta = metadata(body)
        old = self._objects.get(key)
        if meta.get("uid") in self._gone or (old is not None and _version(old) >= _version(body)):
            return False
        if old is not None:
            self._drop(key)
        self._objects[key] = body
        self._by_place[(key.group, key.resource, key.namespace)][key] = body
        self._by_uid[str(meta.get("uid", ""))] = key
        for ref in meta.get("ownerReferences") or ():
            self._by_owner[str(ref.get("uid", ""))].add(key)
        return True

    def forget(self, key: Key) -> None:
        """The server said that our delete took the object away."""
        if (body := self._objects.get(key)) is not None:
            self._bury(str(metadata(body).get("uid", "")))
            self._drop(key)

    def _bury(self, uid: str) -> None:
        """Neither a late watch event nor the late answer to an earlier write of ours may bring it back."""
        self._gone[uid] = None
        if len(self._gone) > _REMEMBERED:
            del self._gone[next(iter(self._gone))]

    def _drop(self, key: Key) -> None:
        body = self._objects.pop(key)
        meta = metadata(body)
        del self._by_place[(key.group, key.resource, key.namespace)][key]
        self._by_uid.pop(str(meta.get("uid", "")), None)
        for ref in meta.get("ownerReferences") or ():
            uid = str(ref.get("uid", ""))
            self._by_owner[uid].discard(key)
            if not self._by_owner[uid]:
                del self._by_owner[uid]


def _version(body: Body) -> int:
    text = str(metadata(body).get("resourceVersion", "0"))
    return int(text) if text.isdecimal() else 0


def controller_ref(body: Body) -> Body | None:
    """The ownerReference that manages this object, if any."""
    refs = metadata(body).get("ownerReferences") or ()
    return next((ref for ref in refs if ref.get("controller")), None)


def controller_uid(body: Body) -> str:
    return str((controller_ref(body) or {}).get("uid", ""))


def owner_reference(rtype: ResourceType, owner: Body) -> Body:
    """The reference that makes `owner` the controller of another object."""
    meta = metadata(owner)
    return {
        "apiVersion": rtype.api_version, "kind": rtype.kind, "name": meta["name"], "uid": meta["uid"],
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip
