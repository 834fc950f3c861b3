"""Failed logins: each address has a few, and gets another every few seconds. Pure: the time is an argument."""

from __future__ import annotations

import math
from collections import OrderedDict

BURST = 10
SECONDS_EACH = 6.0
MAX_ADDRESSES = 1000


class Throttle:
    """A bucket of BURST failures for each address, refilled by one every SECONDS_EACH."""

    def __init__(self, limit: int = MAX_ADDRESSES) -> None:
        self._limit = limit
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """When an address's bucket will be full again."""

    def wait(self, address: str, now: float) -> int:
        """Whole seconds until `address` may try again; 0: now."""
        spent_beyond_last = self._full_at.get(address, now) - now - (BURST - 1) * SECONDS_EACH
        return max(0, math.ceil(spent_beyond_last))

    def failed(self, address: str, now: float) -> None:
        full_at = max(now, self._full_at.pop(address, now)) + SECONDS_EACH
        while len(self._full_at) >= self._limit:
            self._full_at.popitem(last=False)
        self._full_at[address] = full_at
