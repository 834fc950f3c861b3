"""Text panels: nothing in them can run."""

from __future__ import annotations

import pytest

from tejer.observe.dashboards.richtext import to_html

HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href='javascript:alert(1)'>x</a>",
    "<iframe src='//x'></iframe>", "<svg onload=alert(1)>", "<form action='//x'><input></form>",
    "<p style='position:fixed'>x</p>", "<style>*{display:none}</style>", "[x](javascript:alert(1))",
    "![x](http://tracker/x.png)", "<a href='data:text/html,<script>1</script>'>x</a>",
    "<math><mi//xlink:href='data:x,<script>alert(4)</script>'>", "<base href='//x'>",
    "<meta http-equiv=refresh content=0>",
)  # fmt: skip


@pytest.mark.parametrize("mode", ["markdown", "html"])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_loses_what_could_act(mode: str, text: str) -> None:
    html = to_html(mode, text).lower()
    for part in ("<script", "onerror", "onload", 'href="javascript', "<iframe", "<form", "<style", "style=", "<img",
                 "<base", "<meta", 'href="data', "<svg", "<math"):  # fmt: skip
        assert part not in html, html


def test_markdown() -> None:
    html = to_html("markdown", "# Title\n\n*a* **b** [docs](https://istio.io)\n\n| x | y |\n|---|---|\n| 1 | 2 |\n")
    for part in (
        "<h1>Title</h1>",
        "<em>a</em>",
        "<strong>b</strong>",
        'href="https://istio.io"',
        "noopener",
        "<td>1</td>",
    ):
        assert part in html


def test_code_is_shown_as_it_stands() -> None:
    assert to_html("code", "<b>") == "<pre>&lt;b&gt;</pre>"


def test_nesting_is_bounded() -> None:
    assert len(to_html("markdown", "> " * 5000 + "x")) < 20_000
