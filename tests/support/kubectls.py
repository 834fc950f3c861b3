"""The kubectl versions at hand: the one in PATH, others that lie beside it, and Debian's 1.20 where it was fetched."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

FETCHED = Path(__file__).parents[2] / "build" / "tools"
WANTED = ("1.20", "1.31", "1.33")
"""JSON bodies without server-side field validation; JSON bodies; protobuf bodies."""


@cache
def find() -> dict[str, str]:
    """Name to path: "path" for the one in PATH, "1.33" and so on for `kubectl.1.33` beside it or in build/tools."""
    found: dict[str, str] = {}
    places = [FETCHED]
    in_path = shutil.which("kubectl")
    if in_path:
        found["path"] = in_path
        # Some distributions install a dispatcher with one binary for each minor version next to it.
        places.append(Path(in_path).resolve().parent)
    for place in places:
        for entry in sorted(place.glob("kubectl.1.*")):
            match = re.fullmatch(r"kubectl\.(1\.\d+)", entry.name)
            if match and match[1] in WANTED:
                found.setdefault(match[1], str(entry))
    return found
