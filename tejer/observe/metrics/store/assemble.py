"""From pieces of samples to blocks in which each series is once. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from tejer.observe.metrics.series import Block, Labels
from tejer.observe.metrics.store.encoding import Ids, absent, is_absent
from tejer.observe.metrics.store.group import Piece


def assemble(pieces: Iterable[Piece], labels_of: Callable[[Sequence[int]], Sequence[Labels]]) -> Sequence[Block]:
    groups: dict[int, list[Piece]] = {}
    for piece in pieces:
        groups.setdefault(piece.group, []).append(piece)
    joined = [_joined(found) for found in groups.values()]
    joined = _disjoint(joined)
    return [_block(piece, labels_of) for piece in joined if len(piece.ids)]


def _joined(pieces: Sequence[Piece]) -> Piece:
    """Of one group, or of one series: all rows and all times once. What is in two pieces is the same in both."""
    if len(pieces) == 1:
        return pieces[0]
    ids = np.unique(np.concatenate([piece.ids for piece in pieces]))
    times = np.unique(np.concatenate([piece.times for piece in pieces]))
    values = absent(len(ids), len(times))
    for piece in pieces:
        rows, columns = np.searchsorted(ids, piece.ids), np.searchsorted(times, piece.times)
        has = ~is_absent(piece.values)
        target = np.ix_(rows, columns)
        values[target] = np.where(has, piece.values, values[target])
    return Piece(pieces[0].group, ids, times, values)


def _disjoint(pieces: list[Piece]) -> list[Piece]:
    """A series that moved from one group to another is taken out of both, and put together in a piece of its own."""
    if len(pieces) < 2:
        return pieces
    ids, counts = np.unique(np.concatenate([piece.ids for piece in pieces]), return_counts=True)
    shared = ids[counts > 1]
    if not len(shared):
        return pieces
    alone = [_rows(piece, ~np.isin(piece.ids, shared)) for piece in pieces]
    moved = [
        _joined([_rows(piece, piece.ids == series) for piece in pieces if series in piece.ids]) for series in shared
    ]
    return alone + moved


def _rows(piece: Piece, chosen: np.ndarray) -> Piece:
    return Piece(piece.group, piece.ids[chosen], piece.times, piece.values[chosen])


def _block(piece: Piece, labels_of: Callable[[Sequence[int]], Sequence[Labels]]) -> Block:
    missing = is_absent(piece.values)
    return Block(labels_of(piece.ids.tolist()), piece.times, piece.values, ~missing if missing.any() else None)


class Numbers:
    """Gives the series of older blocks numbers that mean the same series in all of them: those of the index, or new."""

    def __init__(self, known: dict[Labels, int], labels: Sequence[Labels]) -> None:
        self._known, self._labels = known, labels
        self._others: dict[Labels, int] = {}
        self._names: list[Labels] = []

    def of(self, labels: Sequence[Labels]) -> Ids:
        return np.array([self._number(each) for each in labels], np.int64)

    def _number(self, labels: Labels) -> int:
        known = self._known.get(labels)
        if known is not None:
            return known
        if labels not in self._others:
            self._names.append(labels)
            self._others[labels] = -len(self._names)
        return self._others[labels]

    def labels(self, numbers: Sequence[int]) -> list[Labels]:
        known, others = self._labels, self._names
        return [known[number] if number >= 0 else others[-number - 1] for number in numbers]
