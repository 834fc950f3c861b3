"""`Registry`: the kinds served right now, built-in and custom. CRDs come and go through `set_crd` and `drop_crd`."""

from __future__ import annotations

from collections.abc import Iterable

from tejer.cluster.apiserver.machinery.crd import is_established
from tejer.cluster.apiserver.machinery.definition import Definition, builtin_definitions, crd_definitions
from tejer.kube.resource import Body, name_of
from tejer.kube.types import ResourceType


class Registry:
    """Lookups are by what a URL names. `generation` grows with each change, for caches of derived documents."""

    def __init__(self, builtin: Iterable[Definition] | None = None) -> None:
        builtin = builtin_definitions() if builtin is None else tuple(builtin)
        self._builtin = {_address(defn): defn for defn in builtin}
        self._custom: dict[str, tuple[Definition, ...]] = {}
        self._served = dict(self._builtin)
        self._storage: dict[tuple[str, str], Definition] = {}
        self.generation = 0
        self._rebuild()

    def definitions(self) -> tuple[Definition, ...]:
        return tuple(self._served.values())

    def find(self, group: str, version: str, plural: str) -> Definition | None:
        return self._served.get((group, version, plural))

    def storage(self, group: str, plural: str) -> Definition | None:
        """The version in which objects of this resource are stored."""
        return self._storage.get((group, plural))

    def of_type(self, rtype: ResourceType) -> Definition | None:
        """The definition for an in-process caller, who names a kind by its ResourceType."""
        return self.find(rtype.group, rtype.version, rtype.plural) or self.storage(rtype.group, rtype.plural)

    def set_crd(self, crd: Body) -> None:
        """Serve the resources of a CRD, or stop to where it is not established."""
        if is_established(crd):
            self._custom[name_of(crd)] = crd_definitions(crd)
        else:
            self._custom.pop(name_of(crd), None)
        self._rebuild()

    def drop_crd(self, name: str) -> None:
        if self._custom.pop(name, None) is not None:
            self._rebuild()

    def _rebuild(self) -> None:
        custom = {_address(defn): defn for served in self._custom.values() for defn in served}
        self._served = {**custom, **self._builtin}
        self._storage = _by_storage(self._served.values())
        self.generation += 1


def _address(defn: Definition) -> tuple[str, str, str]:
    return (defn.group, defn.version, defn.rtype.plural)


def _by_storage(definitions: Iterable[Definition]) -> dict[tuple[str, str], Definition]:
    found: dict[tuple[str, str], Definition] = {}
    for defn in definitions:
        place = (defn.group, defn.rtype.plural)
        if place not in found or (defn.storage and not found[place].storage):
            found[place] = defn
    return found
