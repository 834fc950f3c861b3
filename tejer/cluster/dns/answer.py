"""One DNS query of the cluster's zone → its answer. Pure; queries for other names are None: to be asked outside."""

from __future__ import annotations

import random

from dnslib import CNAME, PTR, QTYPE, RCODE, RR, SOA, SRV, A, DNSRecord

from tejer.cluster.dns.zone import Zone

_TTL = 5
_LONGEST_CHAIN = 8
_REVERSE = ".in-addr.arpa"


def answer(query: DNSRecord, zone: Zone) -> DNSRecord | None:
    """`query` has one question. An ExternalName outside the zone answers with the alias only: see `alias_to_follow`."""
    question = query.q
    name, kind = str(question.qname).rstrip(".").lower(), question.qtype
    if name.endswith(_REVERSE):
        return _reverse(query, name, zone)
    if not zone.holds(name):
        return None
    reply = query.reply()
    reply.header.ra, reply.header.aa = 1, 1
    for _ in range(_LONGEST_CHAIN):
        if name not in zone.aliases:
            break
        target = zone.aliases[name]
        reply.add_answer(RR(name, QTYPE.CNAME, ttl=_TTL, rdata=CNAME(target)))
        name = target
    if not zone.holds(name):
        return reply
    pod = zone.pod_address(name)
    if kind in (QTYPE.A, QTYPE.ANY):
        addresses = [pod] if pod else list(zone.addresses.get(name, []))
        random.shuffle(addresses)
        owner = name if reply.rr else question.qname  # the asker's own spelling comes back
        for address in addresses:
            reply.add_answer(RR(owner, QTYPE.A, ttl=_TTL, rdata=A(address)))
    if kind in (QTYPE.SRV, QTYPE.ANY):
        for record in zone.services.get(name, []):
            reply.add_answer(RR(question.qname, QTYPE.SRV, ttl=_TTL, rdata=SRV(0, 100, record.port, record.target)))
            for address in zone.addresses.get(record.target, []):
                reply.add_ar(RR(record.target, QTYPE.A, ttl=_TTL, rdata=A(address)))
    if not reply.rr:
        if not pod and not zone.exists(name):
            reply.header.rcode = RCODE.NXDOMAIN
        reply.add_auth(_authority(zone))
    return reply


def _reverse(query: DNSRecord, name: str, zone: Zone) -> DNSRecord | None:
    address = ".".join(reversed(name.removesuffix(_REVERSE).split(".")))
    target = zone.pointers.get(address)
    if target is None:
        return None
    reply = query.reply()
    reply.header.ra = 1
    reply.add_answer(RR(query.q.qname, QTYPE.PTR, ttl=_TTL, rdata=PTR(target)))
    return reply


def _authority(zone: Zone) -> RR:
    """Tells resolvers how long to remember that there is nothing."""
    start = SOA(f"ns.dns.{zone.domain}", f"hostmaster.{zone.domain}", (1, 7200, 1800, 86400, _TTL))
    return RR(zone.domain, QTYPE.SOA, ttl=_TTL, rdata=start)


def alias_to_follow(reply: DNSRecord, zone: Zone) -> str:
    """The name outside the zone that an alias in `reply` leads to, still to be asked for there; "" without one."""
    if not reply.rr or reply.rr[-1].rtype != QTYPE.CNAME:
        return ""
    target = str(reply.rr[-1].rdata.label).rstrip(".").lower()
    return "" if zone.holds(target) else target


def failure(query: DNSRecord, code: int) -> DNSRecord:
    reply = query.reply()
    reply.header.ra = 1
    reply.header.rcode = code
    return reply
