from __future__ import annotations

import pytest

from tejer.observe.metrics.scalars import Pattern, format_milliseconds, parse_bytes, parse_milliseconds


@pytest.mark.parametrize(
    ("text", "value", "printed"),
    [("15s", 15_000, "15s"), ("1h30m", 5_400_000, "1h30m"), ("500ms", 500, "500ms"), ("1d", 86_400_000, "1d"),
     ("90m", 5_400_000, "1h30m"), ("0", 0, "0s"), ("2w", 1_209_600_000, "2w"), ("8d", 691_200_000, "8d"),
     ("1y", 31_536_000_000, "1y")],
)  # fmt: skip
def test_durations(text: str, value: int, printed: str) -> None:
    assert parse_milliseconds(text) == value
    assert format_milliseconds(value) == printed


@pytest.mark.parametrize("text", ["", "15", "1.5s", "-1s", "30m1h", "1 s", "s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_milliseconds(text)


def test_sizes() -> None:
    assert [parse_bytes(text) for text in ("0", "512B", "10MB", "1KiB", "2GB")] == [0, 512, 10 << 20, 1024, 2 << 30]
    with pytest.raises(ValueError, match="not a size"):
        parse_bytes("10 apples")


def test_patterns_match_whole_texts() -> None:
    assert Pattern("a.c").match("a\nc") and not Pattern("a").match("ab")
    assert Pattern(r"(?i)abc\z").match("ABC")
    with pytest.raises(ValueError, match="at most"):
        Pattern("a" * 20_000)


def test_hostile_texts_cost_little() -> None:
    with pytest.raises(ValueError, match="takes too long on a text of 15000 letters"):
        Pattern("(1|11)+x").match("1" * 15_000)
    with pytest.raises(ValueError, match="a text of 300000 letters"):
        Pattern(".*").match("a" * 300_000)
