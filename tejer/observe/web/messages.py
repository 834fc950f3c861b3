"""The pages' words: `static/locales/<area>.<language>.json`. A key that a language lacks is English."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from tejer.observe.web.assets import STATIC


@functools.cache
def messages(language: str, *areas: str) -> dict[str, Any]:
    """All messages of `areas`, the later over the earlier. A value is text, or a dict of plural forms."""
    found: dict[str, Any] = {}
    for area in areas:
        for tongue in dict.fromkeys(("en", language)):
            path = STATIC / "locales" / f"{area}.{tongue}.json"
            if path.exists():
                found |= msgspec.json.decode(path.read_bytes())
    return found
