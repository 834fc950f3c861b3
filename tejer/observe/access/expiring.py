"""A dict that forgets: each entry after its lifetime, the oldest when it is full. Pure: the time is an argument."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Expiring(Generic[K, V]):
    """At most `limit` entries. Times are seconds of any one monotonic clock."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, key: K, value: V, until: float) -> None:
        self._entries.pop(key, None)
        while len(self._entries) >= self._limit:
            self._entries.popitem(last=False)
        self._entries[key] = (until, value)

    def get(self, key: K, now: float) -> V | None:
        until, value = self._entries.get(key, (now, None))
        if until > now:
            return value
        self._entries.pop(key, None)
        return None

    def pop(self, key: K, now: float) -> V | None:
        """The value, and the entry is gone."""
        value = self.get(key, now)
        self._entries.pop(key, None)
        return value
