"""`proxy-config routes`: which requests go where. Source of the texts: istioctl's writer/envoy/configdump/route.go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tejer.cli.envoydump.dump import Dump, Json, istio_object

HEADER = ("NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE")
SHOWN_DOMAINS = 2


def select(dump: Dump, name: str = "") -> list[Json]:
    """Route configurations, ports in order of number and then names."""
    chosen = [route for route in dump.routes() if not name or route.get("name") == name]
    return sorted(chosen, key=_order)


def _order(route: Json) -> tuple[bool, int, str]:
    name = str(route.get("name", ""))
    return not name.isdigit(), int(name) if name.isdigit() else 0, name


def rows(config: Json) -> Iterator[tuple[str, ...]]:
    name = str(config.get("name", ""))
    hosts = config.get("virtual_hosts", ())
    for host in hosts:
        domains = domains_text(host.get("domains", ()))
        routes = host.get("routes", ())
        for route in routes:
            if (route.get("route") or {}).get("cluster") != "PassthroughCluster":
                match = describe_match(route.get("match") or {})
                yield name, str(host.get("name", "")), domains, match, istio_object(route)
        if not routes:
            yield name, str(host.get("name", "")), domains, "/*", "404"
    if not hosts:
        yield name, "", "*", "/*", "404"


def domains_text(domains: Sequence[str]) -> str:
    """The shortest forms of a host's names, two at most: `reviews, reviews.default + 1 more...`."""
    bare = dict.fromkeys(domain for domain in domains if not _has_port(domain))
    names = [domain for domain in bare if not _is_longer_form(domain, bare)] or list(domains)
    shown = ", ".join(names[:SHOWN_DOMAINS])
    further = len(names) - SHOWN_DOMAINS
    return f"{shown} + {further} more..." if further > 0 else shown


def _has_port(domain: str) -> bool:
    host, colon, port = domain.rpartition(":")
    return bool(colon) and port.isdigit() and (":" not in host or host.endswith("]"))


def _is_longer_form(domain: str, known: dict[str, None]) -> bool:
    """`reviews.default.svc` and the like, beside `reviews.default`."""
    plain = domain.removesuffix(".").removesuffix(".svc.cluster.local").removesuffix(".svc")
    return plain != domain and plain in known


def describe_match(match: Json) -> str:
    """`/api*`, `/exact`, `PathPrefix:/x`, `regex ...`."""
    texts = []
    if match.get("prefix"):
        texts.append(f"{match['prefix']}*")
    if match.get("path_separated_prefix"):
        texts.append(f"PathPrefix:{match['path_separated_prefix']}")
    if match.get("path"):
        texts.append(str(match["path"]))
    if regex := (match.get("safe_regex") or {}).get("regex"):
        texts.append(f"regex {regex}")
    return " ".join(texts) or "/*"
