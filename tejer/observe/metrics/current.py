"""The configuration in force: the file it comes from, and what became of the last attempt to read it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from tejer.observe.metrics.config import Config
from tejer.observe.metrics.loading import ConfigError, Loaded, load_config

log = logging.getLogger(__name__)
LARGEST = 4 * 1024 * 1024

Follow = Callable[[Config], Awaitable[None]]


class CurrentConfig:
    """`loaded` is in force; `problem` says why a newer file is not ("" while all is well). Times in milliseconds."""

    def __init__(self, path: Path, follow: Follow, clock: Callable[[], int]) -> None:
        self.path = path
        self.loaded = Loaded(Config(), (), "")
        self.problem = ""
        self.loaded_at = 0
        self._follow, self._clock = follow, clock
        self._turn = asyncio.Lock()

    async def reload(self) -> None:
        """Read the file and follow it. Raises ConfigError; then the old configuration stays in force."""
        async with self._turn:
            try:
                loaded = load_config(_text(self.path), str(self.path))
            except ConfigError as error:
                self.problem = str(error)
                log.error("the configuration stays as it was: %s", error)
                raise
            for warning in loaded.warnings:
                log.warning("%s", warning)
            await self._follow(loaded.config)
            self.loaded, self.problem, self.loaded_at = loaded, "", self._clock()
            log.info("%s is in force: %d jobs", self.path, len(loaded.config.scrape_configs))


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if len(data) > LARGEST:
            raise ConfigError(f"{path}: {len(data)} bytes; at most {LARGEST} are read")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8") from None
