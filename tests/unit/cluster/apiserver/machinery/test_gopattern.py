"""Patterns of CRDs."""

from __future__ import annotations

import time

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
    assert go_pattern(pattern).matches(text) is matches


@pytest.mark.parametrize(
    "pattern", ["(", "a(?=b)", "a(?!b)", "(?<=a)b", r"(a)\1", "[[:nope:]]", "((a{100}){100}){100}"]
)
def test_what_go_refuses(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        go_pattern(pattern)


def test_no_pattern_takes_long() -> None:
    """A backtracking engine needs 2 ** 100_000 steps for this."""
    began = time.process_time()
    assert not go_pattern("^(a+)+$").matches("a" * 100_000 + "b")
    assert time.process_time() - began < 10
