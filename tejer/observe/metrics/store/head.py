"""The newest samples of all series, in memory: which group each series belongs to, and its row there. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tejer.observe.metrics.arrays import Values
from tejer.observe.metrics.store.encoding import Ids
from tejer.observe.metrics.store.group import LARGEST, Group, Piece

_NONE = -1


class Taken(NamedTuple):
    """The part of an append that one group took."""

    group: Group
    ids: Ids
    values: Values


class Head:
    """`refused` counts samples that were older than what is sealed, or a second one of a series at a time."""

    def __init__(self) -> None:
        self.groups: dict[int, Group] = {}
        self.refused = 0
        self.newest = 0
        self._group_of = np.full(1024, _NONE, np.int64)
        self._row_of = np.zeros(1024, np.int64)
        self._next = 0

    def put(self, time: int, ids: Ids, values: Values) -> list[Taken]:
        self._make_room(int(ids.max()))
        self._assign(ids)
        self.newest = max(self.newest, time)
        numbers = self._group_of[ids]
        found = np.unique(numbers)
        taken = []
        for number in found.tolist():
            mine = slice(None) if len(found) == 1 else numbers == number
            group = self.groups[number]
            count = group.put(time, self._row_of[ids[mine]], values[mine])
            self.refused += len(ids[mine]) - count
            if count:
                taken.append(Taken(group, ids[mine], values[mine]))
        return taken

    def groups_of(self, ids: Ids) -> list[Group]:
        """Those that some of these series belong to."""
        numbers = np.unique(self._group_of[ids[ids < len(self._group_of)]])
        return [self.groups[number] for number in numbers[numbers != _NONE].tolist()]

    def restore(self, number: int, floor: int, time: int, ids: Ids, values: Values) -> None:
        """Put back what group `number` had taken; `floor` is the newest time of it that is sealed."""
        self._make_room(int(ids.max(initial=0)))
        group = self.groups.get(number) or self._new_group(number, floor)
        for series in ids[self._group_of[ids] == _NONE].tolist():
            self._join(series, group)
        mine = self._group_of[ids] == number
        group.put(time, self._row_of[ids[mine]], values[mine])
        self.newest = max(self.newest, time)

    def above(self, number: int) -> None:
        """New groups get numbers above this one."""
        self._next = max(self._next, number + 1)

    def emptied(self, group: Group) -> None:
        """The group's samples are sealed: it starts anew."""
        for series in group.clear():
            self._group_of[series] = _NONE
        self._row_of[group.ids] = np.arange(len(group.ids))
        if not group.ids:
            del self.groups[group.number]

    def cut(self, ids: Ids, start: int, end: int) -> Iterator[Piece]:
        """Copies of what these series have in start <= time <= end."""
        ids = ids[ids < len(self._group_of)]
        numbers = self._group_of[ids]
        for number in np.unique(numbers[numbers != _NONE]).tolist():
            piece = self.groups[number].cut(self._row_of[ids[numbers == number]], start, end)
            if piece is not None:
                yield piece

    def _make_room(self, highest: int) -> None:
        more = highest + 1 - len(self._group_of)
        if more > 0:
            more += len(self._group_of) // 2
            self._group_of = np.concatenate([self._group_of, np.full(more, _NONE, np.int64)])
            self._row_of = np.concatenate([self._row_of, np.zeros(more, np.int64)])

    def _assign(self, ids: Ids) -> None:
        """A series without a group joins that of the series it came with."""
        numbers = self._group_of[ids]
        homeless = ids[numbers == _NONE]
        if not len(homeless):
            return
        known = numbers[numbers != _NONE]
        group = self.groups[int(known[0])] if len(known) else self._new_group(self._next)
        for series in dict.fromkeys(homeless.tolist()):
            if len(group.ids) >= LARGEST:
                group = self._new_group(self._next)
            self._join(series, group)

    def _join(self, series: int, group: Group) -> None:
        self._group_of[series], self._row_of[series] = group.number, group.add(series)

    def _new_group(self, number: int, floor: int = -1) -> Group:
        self.above(number)
        group = self.groups[number] = Group(number, floor)
        return group
