from __future__ import annotations

from pathlib import Path

from tejer.cluster.runtime.logfiles import last_lines, parse, seconds_of, tail_offset


def test_a_record_is_read_back() -> None:
    record = parse(b"1970-01-01T00:00:01.500000000Z stdout F a b  c")
    assert record is not None
    assert (record.full, record.line, seconds_of(record.stamp)) == (True, b"a b  c", 1.5)
    assert parse(b"1970-01") is None


def test_the_tail_is_found_whatever_the_block_size(tmp_path: Path) -> None:
    path = tmp_path / "log"
    lines = [f"1970-01-01T00:00:00.000000000Z stdout F {number} {'x' * (number % 700)}\n" for number in range(2000)]
    path.write_text("".join(lines))
    for wanted in (0, 1, 7, 1999, 2000, 3000):
        found = path.read_text()[tail_offset(path, wanted) :]
        assert found == "".join(lines[-wanted:] if wanted else []), wanted
    assert last_lines(path, 1) == b"1999 " + b"x" * 599 + b"\n"
