import pytest

from tejer.kube.portforward import Answer, _is_complete, parse_answer


def test_a_body_with_its_length() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
    assert parse_answer(data) == Answer(200, b"abc")
    assert _is_complete(bytearray(data))
    assert not _is_complete(bytearray(data[:-1]))


def test_a_body_in_chunks() -> None:
    data = b"HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\n\r\nc\r\n0\r\n\r\n"
    assert parse_answer(data) == Answer(503, b"ab\r\nc")
    assert _is_complete(bytearray(data))
    with pytest.raises(OSError, match="cut off"):
        parse_answer(data[:-12])


def test_no_answer_is_an_error() -> None:
    with pytest.raises(OSError, match="without an HTTP response"):
        parse_answer(b"")
