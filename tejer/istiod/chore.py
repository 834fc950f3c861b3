"""What only the leading replica does, again and again: bring some objects of the cluster to what they should be."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from tejer.istiod.leader import Leader

RETRY_SECONDS = 2.0


class Chore(ABC):
    """Attempted when this replica is elected and after each `look`; a failed attempt is repeated after a pause."""

    def __init__(self, leader: Leader) -> None:
        self.leader = leader
        self._wake = asyncio.Event()

    def look(self) -> None:
        """Something that the chore depends on has changed."""
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self.leader.elected.wait()
            done = await self.attempt()
            try:
                async with asyncio.timeout(None if done else RETRY_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    @abstractmethod
    async def attempt(self) -> bool:
        """True if all is as it should be now."""
