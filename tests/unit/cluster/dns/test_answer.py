from __future__ import annotations

from dnslib import QTYPE, RCODE, DNSRecord

from tejer.cluster.dns.answer import alias_to_follow, answer
from tejer.cluster.dns.zone import Zone, build_zone
from tejer.kube.resource import Body

PORTS = [{"name": "http", "port": 80, "protocol": "TCP"}]


def service(name: str, **spec: object) -> Body:
    return {"metadata": {"namespace": "shop", "name": name}, "spec": {"ports": PORTS, **spec}}


def zone() -> Zone:
    services = [
        service("web", clusterIP="10.96.0.5"),
        service("db", clusterIP="None"),
        service("away", type="ExternalName", externalName="example.org."),
        service("near", type="ExternalName", externalName="web.shop.svc.cluster.local"),
    ]
    meta = {"namespace": "shop", "name": "db-x", "labels": {"kubernetes.io/service-name": "db"}}
    endpoints = [{"addresses": ["10.244.0.2"], "hostname": "db-0"}, {"addresses": ["10.244.0.3"]}]
    slices = [
        {"metadata": meta, "addressType": "IPv4", "ports": [{"name": "sql", "port": 5432}], "endpoints": endpoints}
    ]
    return build_zone("cluster.local", services, slices)


def ask(name: str, kind: str = "A") -> DNSRecord:
    reply = answer(DNSRecord.question(name, kind), zone())
    assert reply is not None
    return reply


def data(reply: DNSRecord) -> list[str]:
    return sorted(str(record.rdata) for record in reply.rr)


def test_services_headless_services_and_their_hosts() -> None:
    assert data(ask("web.shop.svc.cluster.local")) == ["10.96.0.5"]
    assert data(ask("WEB.Shop.svc.cluster.local")) == ["10.96.0.5"]
    assert data(ask("db.shop.svc.cluster.local")) == ["10.244.0.2", "10.244.0.3"]
    assert data(ask("db-0.db.shop.svc.cluster.local")) == ["10.244.0.2"]
    assert data(ask("10-244-0-3.db.shop.svc.cluster.local")) == ["10.244.0.3"]
    assert data(ask("10-244-0-9.shop.pod.cluster.local")) == ["10.244.0.9"]


def test_service_records_name_port_and_host() -> None:
    assert data(ask("_http._tcp.web.shop.svc.cluster.local", "SRV")) == ["0 100 80 web.shop.svc.cluster.local."]
    assert data(ask("_sql._tcp.db.shop.svc.cluster.local", "SRV")) == [
        "0 100 5432 10-244-0-3.db.shop.svc.cluster.local.",
        "0 100 5432 db-0.db.shop.svc.cluster.local.",
    ]


def test_no_such_name_and_no_such_record_differ() -> None:
    assert ask("nobody.shop.svc.cluster.local").header.rcode == RCODE.NXDOMAIN
    for name, kind in (("web.shop.svc.cluster.local", "AAAA"), ("shop.svc.cluster.local", "A")):
        reply = ask(name, kind)
        assert (reply.header.rcode, reply.rr, reply.auth[0].rtype) == (RCODE.NOERROR, [], QTYPE.SOA)


def test_aliases_are_followed_inside_and_named_outside() -> None:
    near = ask("near.shop.svc.cluster.local")
    assert data(near) == ["10.96.0.5", "web.shop.svc.cluster.local."]
    assert alias_to_follow(near, zone()) == ""
    assert alias_to_follow(ask("away.shop.svc.cluster.local"), zone()) == "example.org"


def test_reverse_names_and_the_world_outside() -> None:
    assert data(ask("5.0.96.10.in-addr.arpa", "PTR")) == ["web.shop.svc.cluster.local."]
    assert answer(DNSRecord.question("1.1.1.1.in-addr.arpa", "PTR"), zone()) is None
    assert answer(DNSRecord.question("example.org"), zone()) is None
