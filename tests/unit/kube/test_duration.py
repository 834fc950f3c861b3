import pytest

from tejer.kube.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 0), ("0", 0), ("5s", 5), ("250ms", 0.25), ("1h30m", 5400), ("0.5s", 0.5), (".5s", 0.5), ("-2s", -2)],
)
def test_go_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5", "s", "5 s", "5sec", "1d", "--5s", "5s x"])
def test_anything_else_says_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="such as 5s"):
        parse_duration(text)


def test_formatting_is_short() -> None:
    assert [format_duration(value) for value in (0, 0.25, 5, 1.5)] == ["0s", "250ms", "5s", "1500ms"]
