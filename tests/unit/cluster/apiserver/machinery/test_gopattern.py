"""RE2 patterns under Python."""

from __future__ import annotations

import re

import pytest

from tejer.cluster.apiserver.machinery.gopattern import go_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("^a$", "a", True),
        ("^a$", "a\n", False),
        (r"^\d+$", "٣", False),
        (r"^[[:alpha:]]+\z", "abc", True),
        ("^[[:alpha:]_]+$", "a_1", False),
        (r"^\pL+$", "ñandú", True),
        (r"^\p{L}+$", "a1", False),
        ("^[$]$", "$", True),
        (r"^\$$", "$", True),
        ("^[]a]+$", "]a", True),
        ("(?i)^abc$", "ABC", True),
        (r"^(?:a|b)\.c$", "b.c", True),
    ],
)
def test_patterns(pattern: str, text: str, matches: bool) -> None:
    assert bool(go_pattern(pattern).search(text)) is matches


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", "a(?!b)", "(?<=a)b", r"(a)\1", "[[:nope:]]"])
def test_what_go_refuses(pattern: str) -> None:
    with pytest.raises(re.error):
        go_pattern(pattern)
