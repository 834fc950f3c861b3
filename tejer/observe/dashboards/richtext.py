"""The content of text panels → HTML that can do no harm. Pure.

Markdown is CommonMark with tables; HTML in it, and panels in HTML mode, pass an allow-list: no script, style, form,
frame, event handler or address other than http(s), mailto and relative ones survives.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_TAGS = {
    "a", "b", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "i", "li", "ol", "p", "pre", "s", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "th",
    "thead", "tr", "u", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "td": {"align"}, "th": {"align"}, "ol": {"start"}}
MAX_NESTING = 20


def to_html(mode: str, content: str) -> str:
    """`mode` is markdown, html or code (shown as it stands)."""
    import nh3

    if mode == "code":
        return f"<pre>{escape(content)}</pre>"
    html = _markdown().render(content) if mode == "markdown" else content
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": True, "maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])
