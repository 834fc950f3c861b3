"""nftables as netlink messages: tables, chains, sets, rules and the expressions that rules are made of.

Numbers are from linux/netfilter/nf_tables.h; attributes are big-endian there. Only what `ruleset` uses.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from tejer.cluster.network.netlink import NLM_F_CREATE, Netlink, Request, attribute, attributes, nested, text

_SUBSYSTEM, _IPV4 = 10, 2
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEWTABLE, _GETTABLE, _DELTABLE, _NEWCHAIN, _GETCHAIN = 0, 1, 2, 3, 4
_NEWRULE, _GETRULE, _DELRULE, _NEWSET, _NEWSETELEM = 6, 7, 8, 9, 12
_COMMENT = 0
_SET_IS_MAP = 8
_DATA_VERDICT = 0xFFFFFF00
_LIST_ELEM = 1
_ELEMENTS_PER_MESSAGE = 500

KEY_REGISTER = 8
"""The first of the 4-byte registers (NFT_REG32_00)."""


class Hook(IntEnum):
    PREROUTING = 0
    INPUT = 1
    FORWARD = 2
    OUTPUT = 3
    POSTROUTING = 4


class Verdict(IntEnum):
    ACCEPT = 1
    GOTO = -4
    RETURN = -5


@dataclass(frozen=True, slots=True)
class BaseChain:
    """Where a chain hangs: `kind` is "nat" or "filter"."""

    kind: str
    hook: Hook
    priority: int


def _be32(value: int) -> bytes:
    return struct.pack(">I", value & 0xFFFFFFFF)


def _message(command: int, body: bytes, what: str, *, flags: int = 0, absent_ok: bool = False) -> Request:
    return Request((_SUBSYSTEM << 8) | command, flags, struct.pack(">BBH", _IPV4, 0, 0) + body, what, absent_ok)


def add_table(name: str) -> Request:
    return _message(_NEWTABLE, text(1, name) + attribute(2, _be32(0)), f"adding table {name}", flags=NLM_F_CREATE)


def delete_table(name: str) -> Request:
    return _message(_DELTABLE, text(1, name), f"deleting table {name}", absent_ok=True)


def add_chain(table: str, name: str, base: BaseChain | None = None) -> Request:
    body = text(1, table) + text(3, name)
    if base is not None:
        body += nested(4, attribute(1, _be32(base.hook)), attribute(2, _be32(base.priority)))
        body += attribute(5, _be32(Verdict.ACCEPT)) + text(7, base.kind)
    return _message(_NEWCHAIN, body, f"adding chain {name}", flags=NLM_F_CREATE)


def add_rule(table: str, chain: str, *expressions: bytes) -> Request:
    elements = [attribute(_LIST_ELEM | 0x8000, expression) for expression in expressions]
    body = text(1, table) + text(2, chain) + nested(4, *elements)
    return _message(_NEWRULE, body, f"adding a rule to {chain}", flags=NLM_F_CREATE | 0x800)  # NLM_F_APPEND


def insert_rule(table: str, chain: str, *expressions: bytes, comment: bytes) -> Request:
    """At the head of the chain, marked with `comment` as nft(8) marks rules."""
    elements = [attribute(_LIST_ELEM | 0x8000, expression) for expression in expressions]
    marked = bytes([_COMMENT, len(comment) + 1]) + comment + b"\0"
    body = text(1, table) + text(2, chain) + nested(4, *elements) + attribute(7, marked)
    return _message(_NEWRULE, body, f"inserting a rule into {chain}", flags=NLM_F_CREATE)


def delete_rule(table: str, chain: str, handle: int) -> Request:
    body = text(1, table) + text(2, chain) + attribute(3, struct.pack(">Q", handle))
    return _message(_DELRULE, body, f"deleting a rule of {chain}", absent_ok=True)


def comment_of(marked: bytes) -> bytes:
    """The comment in a rule's user data, b"" without one."""
    return marked[2:].rstrip(b"\0") if marked[:1] == bytes([_COMMENT]) else b""


def get_chains() -> Request:
    return _message(_GETCHAIN, b"", "listing chains")


def get_rules(table: str) -> Request:
    return _message(_GETRULE, text(1, table), "listing rules")


def add_set(table: str, name: str, number: int, *, key_length: int, verdicts: bool = False) -> Request:
    """A set of keys, or with `verdicts` a map from keys to verdicts. `number` is unique within the transaction."""
    body = text(1, table) + text(2, name) + attribute(3, _be32(_SET_IS_MAP if verdicts else 0))
    body += attribute(4, _be32(0)) + attribute(5, _be32(key_length))
    if verdicts:
        body += attribute(6, _be32(_DATA_VERDICT)) + attribute(7, _be32(0))
    return _message(_NEWSET, body + attribute(10, _be32(number)), f"adding set {name}", flags=NLM_F_CREATE)


def add_elements(table: str, name: str, number: int, elements: Sequence[tuple[bytes, str]]) -> list[Request]:
    """(key, chain to go to, or "" in a plain set), in as many messages as 16-bit lengths need."""
    requests = []
    for start in range(0, len(elements), _ELEMENTS_PER_MESSAGE):
        encoded = []
        for key, chain in elements[start : start + _ELEMENTS_PER_MESSAGE]:
            data = [nested(2, _verdict(Verdict.GOTO, chain))] if chain else []
            encoded.append(nested(_LIST_ELEM, nested(1, attribute(1, key)), *data))
        body = text(1, table) + text(2, name) + nested(3, *encoded) + attribute(4, _be32(number))
        requests.append(_message(_NEWSETELEM, body, f"adding elements to {name}", flags=NLM_F_CREATE))
    return requests


def commit(netlink: Netlink, requests: list[Request]) -> None:
    """Apply all or nothing. Raises OSError naming the first request that was refused."""
    body = struct.pack(">BBH", 0, 0, _SUBSYSTEM)
    netlink.batch(
        requests, begin=Request(_BATCH_BEGIN, 0, body, "begin"), end=Request(_BATCH_END, 0, body, "end")
    )  # fmt: skip


def table_names(netlink: Netlink) -> list[str]:
    request = _message(_GETTABLE, b"", "listing tables")
    return [attributes(body[4:]).get(1, b"").rstrip(b"\0").decode() for body in netlink.dump(request)]


def _expression(name: str, *fields: bytes) -> bytes:
    return text(1, name) + nested(2, *fields)


def _verdict(code: int, chain: str = "") -> bytes:
    fields = [attribute(1, _be32(code))] + ([text(2, chain)] if chain else [])
    return nested(2, *fields)


def verdict(code: Verdict, chain: str = "") -> bytes:
    return _expression("immediate", attribute(1, _be32(0)), nested(2, _verdict(code, chain)))


def device(name: str) -> bytes:
    """A network device's name as `meta` compares it."""
    return name.encode().ljust(16, b"\0")


def load(value: bytes, register: int) -> bytes:
    return _expression("immediate", attribute(1, _be32(register)), nested(2, attribute(1, value)))


def payload(*, transport: bool, offset: int, length: int, register: int = 1) -> bytes:
    """Bytes of the packet's network header, or of its transport header."""
    base = 2 if transport else 1
    numbers = (register, base, offset, length)
    return _expression("payload", *(attribute(kind, _be32(value)) for kind, value in enumerate(numbers, 1)))


def meta(key: int, register: int = 1) -> bytes:
    return _expression("meta", attribute(1, _be32(register)), attribute(2, _be32(key)))


def compare(value: bytes, *, equal: bool = True, register: int = 1) -> bytes:
    operator = 0 if equal else 1
    return _expression(
        "cmp", attribute(1, _be32(register)), attribute(2, _be32(operator)), nested(3, attribute(1, value))
    )


def mask(value: bytes, register: int = 1) -> bytes:
    zero = b"\0" * len(value)
    return _expression(
        "bitwise", attribute(1, _be32(register)), attribute(2, _be32(register)), attribute(3, _be32(len(value))),
        nested(4, attribute(1, value)), nested(5, attribute(1, zero)),
    )  # fmt: skip


def lookup(name: str, number: int, *, verdicts: bool = False, register: int = KEY_REGISTER) -> bytes:
    """Continue when the key in `register` is in the set; with `verdicts`, do what the map says."""
    fields = [text(1, name), attribute(2, _be32(register))]
    if verdicts:
        fields.append(attribute(3, _be32(0)))
    return _expression("lookup", *fields, attribute(4, _be32(number)))


def random_number(modulus: int, register: int = 1) -> bytes:
    return _expression(
        "numgen", attribute(1, _be32(register)), attribute(2, _be32(modulus)), attribute(3, _be32(1)),
        attribute(4, _be32(0)),
    )  # fmt: skip


def hashed(modulus: int, *, length: int, register: int) -> bytes:
    """The hash of `length` bytes from `register` on, modulo `modulus`, into register 1."""
    numbers = (register, 1, length, modulus)
    return _expression("hash", *(attribute(kind, _be32(value)) for kind, value in enumerate(numbers, 1)))


def destination_nat(address_register: int, port_register: int) -> bytes:
    return _expression(
        "nat", attribute(1, _be32(1)), attribute(2, _be32(_IPV4)), attribute(3, _be32(address_register)),
        attribute(5, _be32(port_register)),
    )  # fmt: skip


def masquerade() -> bytes:
    return _expression("masq")


def reject(*, reset: bool) -> bytes:
    """Answer with a TCP reset, or with ICMP port unreachable."""
    return _expression("reject", attribute(1, _be32(1 if reset else 0)), attribute(2, bytes([3])))
