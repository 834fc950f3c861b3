"""Apply a capture plan with one nfnetlink transaction: no `nft` or `iptables` binary is needed, and it is idempotent.

Numbers are from linux/netfilter/nf_tables.h; integers in attributes are big-endian. pyroute2 could do it too, but takes
a second to import, in every pod.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from ipaddress import IPv4Network

from tejer.envoy.capture import CHAINS, OUTPUT, PREROUTING, TABLE, Match, Rule

_NETFILTER, _IPV4, _SUBSYSTEM = 12, 2, 10
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEWTABLE, _DELTABLE, _NEWCHAIN, _NEWRULE = 0, 2, 3, 6
_REQUEST, _ACK, _CREATE, _APPEND = 0x1, 0x4, 0x400, 0x800
_NESTED = 0x8000
_ERROR = 2
_REGISTER = 1
_DNAT_PRIORITY = -100
_HOOKS = {PREROUTING: 0, OUTPUT: 3}
_META_KEYS = {"iifname": 6, "oifname": 7, "skuid": 10, "skgid": 11, "l4proto": 16}
_RETURN, _JUMP = -5, -3
_PROTOCOLS = {"tcp": 6, "udp": 17}
_ADDRESS_OFFSETS = {"ip saddr": 12, "ip daddr": 16}


def apply(rules: tuple[Rule, ...]) -> None:
    """Replace the table `istio` in this network namespace. Raises OSError saying what the kernel refused."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER) as netlink:
        netlink.settimeout(10)
        netlink.bind((0, 0))
        messages = transaction(rules)
        netlink.send(b"".join(_numbered(message, number) for number, message in enumerate(messages, 1)))
        _await_answers(netlink, {number for number, message in enumerate(messages, 1) if _wants_ack(message)})


def remove() -> None:
    """Take the rules away, if there are any."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER) as netlink:
        netlink.settimeout(10)
        netlink.bind((0, 0))
        body = struct.pack(">BBH", 0, 0, _SUBSYSTEM)
        messages = [(_BATCH_BEGIN, 0, body), _table(_NEWTABLE, 0), _table(_DELTABLE, _ACK), (_BATCH_END, 0, body)]
        netlink.send(b"".join(_numbered(message, number) for number, message in enumerate(messages, 1)))
        _await_answers(netlink, {3})


_Message = tuple[int, int, bytes]


def transaction(rules: tuple[Rule, ...]) -> list[_Message]:
    """(type, flags, body) of each message. The table is made, dropped and made anew: whatever was there is replaced."""
    body = struct.pack(">BBH", 0, 0, _SUBSYSTEM)
    messages = [(_BATCH_BEGIN, 0, body), _table(_NEWTABLE, 0), _table(_DELTABLE, 0), _table(_NEWTABLE, 0)]
    messages += [_chain(name) for name in (*_HOOKS, *CHAINS)]
    messages += [_rule(rule) for rule in rules]
    kind, flags, last = messages[-1]
    messages[-1] = (kind, flags | _ACK, last)
    return [*messages, (_BATCH_END, 0, body)]


def _table(command: int, flags: int) -> _Message:
    create = _CREATE if command == _NEWTABLE else 0
    return _message(command, flags | create, _text(1, TABLE))


def _chain(name: str) -> _Message:
    body = _text(1, TABLE) + _text(3, name)
    if (hook := _HOOKS.get(name)) is not None:
        body += _nested(4, _attribute(1, _be32(hook)), _attribute(2, _be32(_DNAT_PRIORITY)))
        body += _attribute(5, _be32(1)) + _text(7, "nat")
    return _message(_NEWCHAIN, _CREATE, body)


def _rule(rule: Rule) -> _Message:
    expressions = [expression for match in rule.matches for expression in _match(match)]
    expressions += _then(rule.then)
    elements = _nested(4, *(_attribute(1 | _NESTED, expression) for expression in expressions))
    return _message(_NEWRULE, _CREATE | _APPEND, _text(1, TABLE) + _text(2, rule.chain) + elements)


def _match(match: Match) -> list[bytes]:
    """Load the field into the register, then compare."""
    if match.field in _ADDRESS_OFFSETS:
        network = IPv4Network(match.value)
        mask = [_mask(network.netmask.packed)] if network.prefixlen < 32 else []
        load = _payload(1, _ADDRESS_OFFSETS[match.field], 4)
        return [load, *mask, _compare(network.network_address.packed, match.equal)]
    if match.field == "tcp dport":
        return [_payload(2, 2, 2), _compare(struct.pack(">H", int(match.value)), match.equal)]
    load = _expression("meta", _attribute(1, _be32(_REGISTER)), _attribute(2, _be32(_META_KEYS[match.field])))
    if match.field == "l4proto":
        value = bytes([_PROTOCOLS[match.value]])
    elif match.field in ("skuid", "skgid"):
        value = struct.pack("=I", int(match.value))  # these two are in host order
    else:
        value = match.value.encode().ljust(16, b"\0")
    return [load, _compare(value, match.equal)]


def _then(then: str) -> list[bytes]:
    word, _, rest = then.partition(" ")
    if word == "redirect":
        port = struct.pack(">H", int(rest.rpartition(":")[2]))
        load = _expression("immediate", _attribute(1, _be32(_REGISTER)), _nested(2, _attribute(1, port)))
        return [load, _expression("redir", _attribute(1, _be32(_REGISTER)))]
    code = _attribute(1, _be32(_JUMP if word == "jump" else _RETURN))
    verdict = _nested(2, code, _text(2, rest)) if word == "jump" else _nested(2, code)
    return [_expression("immediate", _attribute(1, _be32(0)), _nested(2, verdict))]


def _payload(base: int, offset: int, length: int) -> bytes:
    """`base` 1 is the network header, 2 the transport header."""
    numbers = (_REGISTER, base, offset, length)
    return _expression("payload", *(_attribute(kind, _be32(number)) for kind, number in enumerate(numbers, 1)))


def _mask(mask: bytes) -> bytes:
    register = _be32(_REGISTER)
    return _expression(
        "bitwise", _attribute(1, register), _attribute(2, register), _attribute(3, _be32(len(mask))),
        _nested(4, _attribute(1, mask)), _nested(5, _attribute(1, b"\0" * len(mask))),
    )  # fmt: skip


def _compare(value: bytes, equal: bool) -> bytes:
    operator = _be32(0 if equal else 1)
    return _expression(
        "cmp", _attribute(1, _be32(_REGISTER)), _attribute(2, operator), _nested(3, _attribute(1, value))
    )


def _expression(name: str, *fields: bytes) -> bytes:
    return _text(1, name) + _nested(2, *fields)


def _attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + b"\0" * (-length % 4)


def _nested(kind: int, *attributes: bytes) -> bytes:
    return _attribute(kind | _NESTED, b"".join(attributes))


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _be32(value: int) -> bytes:
    return struct.pack(">I", value & 0xFFFFFFFF)


def _message(command: int, flags: int, body: bytes) -> _Message:
    return (_SUBSYSTEM << 8) | command, flags, struct.pack(">BBH", _IPV4, 0, 0) + body


def _numbered(message: _Message, number: int) -> bytes:
    kind, flags, body = message
    header = struct.pack("=LHHLL", 16 + len(body), kind, flags | _REQUEST, number, 0)
    return header + body + b"\0" * (-len(body) % 4)


def _wants_ack(message: _Message) -> bool:
    return bool(message[1] & _ACK)


def _await_answers(netlink: socket.socket, expected: set[int]) -> None:
    """Refusals come whether asked for or not; the last message's acknowledgement means that all went through."""
    while expected:
        data = netlink.recv(1 << 16)
        while len(data) >= 20:
            length, kind, _, number, _ = struct.unpack_from("=LHHLL", data)
            if kind == _ERROR and (code := -struct.unpack_from("=i", data, 16)[0]):
                name = errno.errorcode.get(code, str(code))
                hint = {errno.EPERM: ": the container needs CAP_NET_ADMIN"}.get(code, "")
                raise OSError(code, f"nftables refused message {number} ({name}, {os.strerror(code)}){hint}")
            expected.discard(number)
            data = data[(length + 3) & ~3 :]
