import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tejer.cluster.apiserver.streams.spdy import (
    DataReceived,
    GoAway,
    PingReceived,
    ProtocolError,
    SpdyFraming,
    StreamOpened,
    StreamReset,
)


def test_streams_cross_with_their_headers() -> None:
    client, server = SpdyFraming(), SpdyFraming()
    wire = client.open(1, {"streamtype": "stdin"}) + client.open(3, {"streamType": "stdout", "port": "80"})
    assert server.receive(wire) == [
        StreamOpened(1, {"streamtype": "stdin"}, False),
        StreamOpened(3, {"streamtype": "stdout", "port": "80"}, False),
    ]
    assert client.receive(server.accept(1)) == []


@given(st.binary(max_size=40000), st.integers(min_value=1, max_value=7000))
def test_data_survives_any_cutting(payload: bytes, step: int) -> None:
    server = SpdyFraming()
    wire = SpdyFraming().data(5, payload, fin=True)
    events = [event for at in range(0, len(wire), step) for event in server.receive(wire[at : at + step])]
    received = [event for event in events if isinstance(event, DataReceived)]
    assert b"".join(event.data for event in received) == payload
    assert [event.fin for event in received] == [False] * (len(received) - 1) + [True]


def test_control_frames() -> None:
    server = SpdyFraming()
    assert server.receive(server.pong(7)) == [PingReceived(7)]
    assert server.receive(struct.pack(">HHIII", 0x8003, 3, 8, 5, 1)) == [StreamReset(5)]
    assert server.receive(struct.pack(">HHIII", 0x8003, 7, 8, 5, 0)) == [GoAway()]


@pytest.mark.parametrize(
    "wire", [b"GET / HTTP/1.1\r\n\r\n" + b"\x80\x02" * 9, struct.pack(">HHI", 0x8003, 1, 12) + b"x" * 12]
)
def test_nonsense_is_refused(wire: bytes) -> None:
    server = SpdyFraming()
    with pytest.raises(ProtocolError):
        server.receive(struct.pack(">HHI", 0x8002, 1, 0) if wire.startswith(b"GET") else wire)
