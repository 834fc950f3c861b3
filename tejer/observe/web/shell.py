"""The HTML that every page starts as: who, which words, which theme, and the place's module. Pure.

There is no inline script and no inline style, so the Content-Security-Policy forbids both. What the module must know at
once (words, user, CSRF token) is a JSON data block, which browsers do not run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import msgspec

from tejer.observe.web.assets import Entry
from tejer.observe.web.preferences import Preferences

CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
    "font-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'self'",
))  # fmt: skip
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def document(
    title: str, preferences: Preferences, styles: Sequence[str], body: str, *, head: str = "", place: str = ""
) -> str:
    """A whole page around `body` and `head`, which are HTML."""
    links = "\n".join(f'<link rel="stylesheet" href="{escape(href)}">' for href in styles)
    return f"""<!doctype html>
<html lang="{preferences.language}" data-theme="{preferences.theme}" data-place="{escape(place)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="{"light dark" if preferences.theme == "system" else preferences.theme}">
<title>{escape(title)}</title>
<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">
{links}
{head}
</head>
<body>
{body}
</body>
</html>
"""


def page(title: str, preferences: Preferences, styles: Sequence[str], entry: Entry, boot: Mapping[str, Any],
         place: str, noscript: str) -> str:  # fmt: skip
    """The shell of a place. `boot` is what `lib/boot.js` gives to the modules."""
    preloads = "\n".join(f'<link rel="modulepreload" href="{escape(href)}">' for href in entry.preloads)
    head = f'{preloads}\n<script type="module" src="{escape(entry.script)}"></script>'
    body = (
        f'<script type="application/json" id="boot">{data_block(boot)}</script>\n'
        f'<div id="app"></div>\n<noscript>{escape(noscript)}</noscript>'
    )
    return document(title, preferences, styles, body, head=head, place=place)


def data_block(value: Any) -> str:
    """JSON that can stand in a script element: nothing in it can end the element or begin a comment."""
    text = msgspec.json.encode(value).decode()
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
