from __future__ import annotations

from tejer.cluster.network.netlink import attribute, attributes, nested, text


def test_attributes_are_padded_and_read_back() -> None:
    raw = attribute(1, b"abcde") + text(3, "eth0") + nested(18, attribute(1, b"x"))
    assert len(raw) % 4 == 0
    found = attributes(raw)
    assert (found[1], found[3]) == (b"abcde", b"eth0\0")
    assert attributes(found[18])[1] == b"x"


def test_what_is_cut_short_is_left_out() -> None:
    assert attributes(b"\x02\x00\x01\x00") == {}
