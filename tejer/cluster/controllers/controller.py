"""`Controller`: the description of one control loop. What it does is pure; `runner` runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from tejer.cluster.controllers.world import World
from tejer.cluster.controllers.writes import Write
from tejer.kube.resource import Change, Key

KeysOf: TypeAlias = Callable[[World, Change], Iterable[Key]]
Reconcile: TypeAlias = Callable[[World, Key, datetime], list[Write]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """`keys` says which keys a change concerns; `reconcile` what to write so that a key's object is as it should be.

    `name` is that of kube-controller-manager's loop; its writes are made as user
    `system:serviceaccount:kube-system:<name>`. `workers` keys may be in work at once.
    """

    name: str
    keys: KeysOf
    reconcile: Reconcile
    workers: int = 1

    @property
    def user(self) -> str:
        return f"system:serviceaccount:kube-system:{self.name}"
