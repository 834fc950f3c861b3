"""Draws a command's output as the picture in the READMEs: docs/demo.svg.

tejer demo 2>&1 | python scripts/picture.py 'make demo' docs/demo.svg
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text


def draw(command: str, lines: list[str]) -> str:
    """An SVG of a terminal that shows `command` and then `lines`, as wide as the longest of them."""
    width = max(len(line) for line in lines) + 2
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
    for line in lines:
        text = Text(line, no_wrap=True)
        text.highlight_words(["✔"], "green")
        text.highlight_words(["REQUEST", "CALLER", "CALLEE", "TLS  ", "ANSWER", "Try:"], "bold cyan")
        text.highlight_regex(r"mutual TLSv1\.\d|\b200 from", "green")
        text.highlight_regex(r"refused: .*", "yellow")
        console.print(text, crop=False)
    return console.export_svg(title="tejer")


def main() -> int:
    command, target = sys.argv[1:3]
    Path(target).write_text(draw(command, sys.stdin.read().rstrip().splitlines()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
