"""`Memo`: made once, kept when it breaks, and its problems said again each time."""

from __future__ import annotations

from tejer.istiod.translate.rendered import Broken, Memo, resource


def fail() -> str:
    raise ValueError("no")


def test_equal_inputs_give_the_very_same_result() -> None:
    memo, errors = Memo(), list[Exception]()
    first = memo.get("k", [1], lambda: [1], errors.append)
    assert memo.get("k", [1], lambda: [1], errors.append) is first
    assert memo.get("k", [2], lambda: [1], errors.append) is not first
    assert errors == []


def test_a_failure_keeps_the_last_good_result_and_is_told_each_time() -> None:
    memo, errors = Memo(), list[Exception]()
    memo.get("k", 1, lambda: "good", errors.append)
    assert memo.get("k", 2, fail, errors.append) == "good"
    assert memo.get("k", 2, lambda: "never called", errors.append) == "good"
    assert [str(error) for error in errors] == ["no", "no"]
    assert memo.get("new", 1, fail, errors.append) is None


def test_parts_that_broke_are_told_too() -> None:
    memo, errors = Memo(), list[Exception]()

    def build() -> str:
        memo.broken(ValueError("part"), ())
        return "rest"

    for _ in range(2):
        assert memo.get("k", 1, build, errors.append) == "rest"
    assert [type(error) for error in errors] == [Broken, Broken]


def test_what_nobody_asks_for_is_forgotten() -> None:
    memo = Memo()
    for key in ("a", "b"):
        memo.get(key, 1, lambda: "x", print)
    memo.sweep()
    memo.get("a", 1, lambda: "y", print)
    memo.sweep()
    assert len(memo) == 1
    assert memo.get("a", 1, lambda: "y", print) == "x"


def test_a_version_follows_the_bytes_only() -> None:
    assert resource("a", b"x").version == resource("b", b"x").version
    assert resource("a", b"x").version != resource("a", b"y").version
    assert len(resource("a", b"x").version) == 16
    assert b"secret" not in repr(resource("a", b"secret")).encode()
