from __future__ import annotations

import pytest

from tejer.cluster.runtime.shim.wire import Decoder, Message, encode


def test_messages_come_whole_however_they_are_cut() -> None:
    messages: list[Message] = [
        {"op": "start", "spec": {"argv": ["a"], "env": {"A": "1"}, "raw": b"\0\1"}},
        {"id": 1, "exit": None},
    ]
    raw = b"".join(encode(message) for message in messages)
    decoder, got = Decoder(), []
    for at in range(0, len(raw), 7):
        got += decoder.feed(raw[at : at + 7])
    assert got == messages


def test_a_frame_that_cannot_be_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="longest allowed"):
        Decoder().feed(b"\xff\xff\xff\xff")
