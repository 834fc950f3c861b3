"""What a browser prefers: language and theme, from its cookies and headers. Pure.

Two cookies remember the choice so that the first byte of a page is right already: no flash of the wrong theme.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

LANGUAGES = ("en", "es")
THEMES = ("system", "light", "dark")
LANGUAGE_COOKIE = "tejer-language"
THEME_COOKIE = "tejer-theme"


class Preferences(NamedTuple):
    language: str = LANGUAGES[0]
    theme: str = THEMES[0]


def preferences(cookies: Mapping[str, str], accept_language: str = "") -> Preferences:
    chosen, theme = cookies.get(LANGUAGE_COOKIE, ""), cookies.get(THEME_COOKIE, "")
    return Preferences(
        chosen if chosen in LANGUAGES else _accepted(accept_language), theme if theme in THEMES else THEMES[0]
    )


def _accepted(header: str) -> str:
    """The first of our languages by the weights of an Accept-Language header (RFC 9110, 12.5.4)."""
    ranked = []
    for position, part in enumerate(header[:500].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), position, tag.split("-")[0].lower()))
        except ValueError:
            continue
    return next((tag for _, _, tag in sorted(ranked) if tag in LANGUAGES), LANGUAGES[0])
