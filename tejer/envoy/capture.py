"""Which of a pod's TCP connections go through Envoy: Istio's istio-iptables as a pure plan of nftables rules.

Source of the rules and flags: istio tools/istio-iptables/pkg/capture/run.go, in REDIRECT mode. The plan is a value that
reads like nft's own syntax; `tejer.envoy.nftables` turns it into netlink messages.
"""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from typing import NamedTuple

TABLE = "istio"
PREROUTING, OUTPUT = "prerouting", "output"
_INBOUND, _IN_REDIRECT = "ISTIO_INBOUND", "ISTIO_IN_REDIRECT"
_OUTBOUND, _OUT_REDIRECT = "ISTIO_OUTPUT", "ISTIO_REDIRECT"
CHAINS = (_INBOUND, _IN_REDIRECT, _OUTBOUND, _OUT_REDIRECT)

_PASSTHROUGH_SOURCE = "127.0.0.6/32"
"""Envoy reaches the app from this address for ports it has no listener of; such a connection must not return to it."""
_TUNNEL_PORT = 15008


class Match(NamedTuple):
    """A condition on a packet: `field` is one of `FIELDS`, `value` its text as nft would print it."""

    field: str
    value: str
    equal: bool = True

    def __str__(self) -> str:
        return f"{self.field} {self.value}" if self.equal else f"{self.field} != {self.value}"


FIELDS = ("l4proto", "tcp dport", "oifname", "iifname", "ip daddr", "ip saddr", "skuid", "skgid")


class Rule(NamedTuple):
    """`then` is "return", "jump <chain>" or "redirect to :<port>"."""

    chain: str
    matches: tuple[Match, ...]
    then: str

    def __str__(self) -> str:
        return " ".join([self.chain + ":", *map(str, self.matches), self.then])


class CaptureOptions(NamedTuple):
    """istio-iptables' flags. `("*",)` means all, an empty tuple none. Ports are decimal texts, ranges CIDRs."""

    envoy_port: int = 15001
    inbound_port: int = 15006
    uids: tuple[int, ...] = (1337,)
    gids: tuple[int, ...] = (1337,)
    inbound_ports: tuple[str, ...] = ("*",)
    exclude_inbound_ports: tuple[str, ...] = ("15090", "15021", "15020")
    outbound_ranges: tuple[str, ...] = ("*",)
    exclude_outbound_ranges: tuple[str, ...] = ()
    outbound_ports: tuple[str, ...] = ()
    exclude_outbound_ports: tuple[str, ...] = ()
    exclude_interfaces: tuple[str, ...] = ()


def plan(options: CaptureOptions) -> tuple[Rule, ...]:
    """The rules in order. Raises ValueError naming a port or range that is none."""
    tcp = Match("l4proto", "tcp")
    rules = [
        Rule(PREROUTING, (tcp,), f"jump {_INBOUND}"),
        Rule(OUTPUT, (tcp,), f"jump {_OUTBOUND}"),
        Rule(_IN_REDIRECT, (tcp,), f"redirect to :{options.inbound_port}"),
        Rule(_OUT_REDIRECT, (tcp,), f"redirect to :{options.envoy_port}"),
    ]
    return (*rules, *_inbound(options), *_outbound(options))


def _inbound(options: CaptureOptions) -> list[Rule]:
    rules = [Rule(_INBOUND, (Match("iifname", name),), "return") for name in options.exclude_interfaces]
    if options.inbound_ports == ("*",):
        excluded = [str(_TUNNEL_PORT), *checked_ports(options.exclude_inbound_ports)]
        rules += [Rule(_INBOUND, (Match("tcp dport", port),), "return") for port in excluded]
        rules.append(Rule(_INBOUND, (), f"jump {_IN_REDIRECT}"))
    else:
        ports = checked_ports(options.inbound_ports)
        rules += [Rule(_INBOUND, (Match("tcp dport", port),), f"jump {_IN_REDIRECT}") for port in ports]
    return rules


def _outbound(options: CaptureOptions) -> list[Rule]:
    def rule(then: str, *matches: Match) -> Rule:
        return Rule(_OUTBOUND, matches, then)

    to_envoy = f"jump {_OUT_REDIRECT}"
    loopback, not_localhost = Match("oifname", "lo"), Match("ip daddr", "127.0.0.1/32", equal=False)
    rules = [rule("return", Match("oifname", name)) for name in options.exclude_interfaces]
    rules += [rule("return", Match("tcp dport", port)) for port in checked_ports(options.exclude_outbound_ports)]
    rules.append(rule("return", loopback, Match("ip saddr", _PASSTHROUGH_SOURCE)))
    owners = [("skuid", number) for number in options.uids] + [("skgid", number) for number in options.gids]
    for kind, number in owners:
        envoy, others = Match(kind, str(number)), Match(kind, str(number), equal=False)
        not_tunnel = Match("tcp dport", str(_TUNNEL_PORT), equal=False)
        rules += [
            # app -> its own Service's address -> Envoy -> back to this pod: enter as any client would
            rule(f"jump {_IN_REDIRECT}", loopback, not_localhost, not_tunnel, envoy),
            # app -> app over loopback
            rule("return", loopback, others),
            rule("return", envoy),
        ]
    rules.append(rule("return", Match("ip daddr", "127.0.0.1/32")))
    excluded = checked_ranges(options.exclude_outbound_ranges)
    rules += [rule("return", Match("ip daddr", network)) for network in excluded]
    rules += [rule(to_envoy, Match("tcp dport", port)) for port in checked_ports(options.outbound_ports)]
    if options.outbound_ranges == ("*",):
        rules.append(rule(to_envoy))
    else:
        included = checked_ranges(options.outbound_ranges)
        rules += [rule(to_envoy, Match("ip daddr", network)) for network in included]
    return rules


def split_list(text: str) -> tuple[str, ...]:
    """A comma-separated list; blanks around items and empty items don't count."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def checked_ports(ports: tuple[str, ...]) -> tuple[str, ...]:
    """Distinct, in order. Raises ValueError for what is no port number."""
    for port in ports:
        if not port.isdecimal() or not 0 < int(port) <= 65535:
            raise ValueError(f"{port!r} is not a port: expected a number from 1 to 65535")
    return tuple(dict.fromkeys(ports))


def checked_ranges(ranges: tuple[str, ...]) -> tuple[str, ...]:
    """As networks, distinct, in order; IPv6 ones are left out (pods have IPv4 addresses). Raises ValueError."""
    networks = []
    for text in ranges:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f"{text!r} is not an IP range: expected a CIDR such as 10.0.0.0/8") from None
        if isinstance(network, IPv4Network):
            networks.append(str(network))
    return tuple(dict.fromkeys(networks))
