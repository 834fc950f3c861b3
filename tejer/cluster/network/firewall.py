"""Other people's firewalls: where the host's `filter` table drops by default, let the cluster's bridge through.

Docker and ufw set the policy of FORWARD (ufw also INPUT) to drop; an "accept" in a table of our own doesn't outvote
that. So two rules go to the head of each such chain, and are taken away again by their comment. Only the nftables
flavour of iptables can be helped so; the older one has no nftables table to be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tejer.cluster.network import nft
from tejer.cluster.network.netlink import Netlink, Request, attributes
from tejer.cluster.network.nft import Verdict

_TABLE = "filter"
_META_IIFNAME, _META_OIFNAME = 6, 7
_WITH_OWN_RULES = {"FORWARD": "DOCKER-USER"}
"""Docker asks for users' rules to be in a chain of its own, which it leaves alone."""


@dataclass(frozen=True, slots=True)
class Chain:
    """`drops`: a base chain whose policy is drop."""

    name: str
    drops: bool


@dataclass(frozen=True, slots=True)
class Rule:
    chain: str
    handle: int
    comment: bytes


def openings(chains: list[Chain], bridge: str, comment: bytes) -> list[Request]:
    """The rules to insert. Pure."""
    names = {chain.name for chain in chains}
    requests = []
    for chain in chains:
        if not chain.drops or chain.name not in {"INPUT", "FORWARD"}:
            continue
        where = _WITH_OWN_RULES.get(chain.name, "")
        where = where if where in names else chain.name
        directions = (_META_IIFNAME, _META_OIFNAME) if chain.name == "FORWARD" else (_META_IIFNAME,)
        for direction in directions:
            match = (nft.meta(direction), nft.compare(nft.device(bridge)), nft.verdict(Verdict.ACCEPT))
            requests.append(nft.insert_rule(_TABLE, where, *match, comment=comment))
    return requests


def let_through(netlink: Netlink, bridge: str) -> None:
    """Idempotent. Raises OSError when the kernel refuses."""
    comment = bridge.encode()
    requests = openings(list(_chains(netlink)), bridge, comment)
    if requests and not any(rule.comment == comment for rule in _rules(netlink)):
        nft.commit(netlink, requests)


def close(netlink: Netlink, bridge: str) -> None:
    """Take the rules away again. Idempotent."""
    ours = [rule for rule in _rules(netlink) if rule.comment == bridge.encode()]
    if ours:
        nft.commit(netlink, [nft.delete_rule(_TABLE, rule.chain, rule.handle) for rule in ours])


def _chains(netlink: Netlink) -> Iterator[Chain]:
    for body in netlink.dump(nft.get_chains()):
        found = attributes(body[4:])
        if _text(found.get(1, b"")) == _TABLE:
            drops = found.get(5) == b"\0\0\0\0" and 4 in found
            yield Chain(_text(found.get(3, b"")), drops)


def _rules(netlink: Netlink) -> Iterator[Rule]:
    for body in netlink.dump(nft.get_rules(_TABLE)):
        found = attributes(body[4:])
        if _text(found.get(1, b"")) == _TABLE:
            handle = int.from_bytes(found.get(3, b""), "big")
            yield Rule(_text(found.get(2, b"")), handle, nft.comment_of(found.get(7, b"")))


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode(errors="replace")
