"""What the values of an AuthorizationPolicy mean, as Envoy RBAC permissions and principals.

Sources: pilot/pkg/security/authz/{matcher,model}, pilot/pkg/security/trustdomain, `istio.md` A13-A15.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from tejer.envoy.proto import (
    CidrRange,
    HeaderMatcher,
    ListMatcher,
    MetadataMatcher,
    OrMatcher,
    PathMatcher,
    Permission,
    Principal,
    RegexMatcher,
    StringMatcher,
    TypedExtensionConfig,
    UriTemplateMatchConfig,
    ValueMatcher,
    pack,
    u32,
)

SPIFFE = "spiffe://"
LOCAL_TRUST_DOMAIN = "cluster.local"
JWT_FILTER = "envoy.filters.http.jwt_authn"
_META = re.compile(r"([\\.+*?()|\[\]{}^$])")


def quote(text: str) -> str:
    """`text` for RE2, taken literally (Go's regexp.QuoteMeta)."""
    return _META.sub(r"\\\1", text)


def _wild(text: str, star: str) -> str:
    return star.join(quote(part) for part in text.split("*"))


def regex(pattern: str) -> StringMatcher:
    return StringMatcher(safe_regex=RegexMatcher(regex=pattern))


def text_matcher(value: str, prefix: str = "") -> StringMatcher:
    """`*` is anything but nothing; `*x` ends, `x*` begins with x; else the exact text. `prefix` stands before it."""
    if value == "*":
        return regex(".+")
    if value.startswith("*"):
        return StringMatcher(suffix=value[1:]) if not prefix else regex(f"{prefix}.*{quote(value[1:])}")
    if value.endswith("*"):
        return StringMatcher(prefix=prefix + value[:-1])
    return StringMatcher(exact=prefix + value)


def header_matcher(name: str, value: str, *, ignore_case: bool = False) -> HeaderMatcher:
    if value == "*":
        return HeaderMatcher(name=name, present_match=True)
    matcher = text_matcher(value)
    if ignore_case:
        matcher.ignore_case = True
    return HeaderMatcher(name=name, string_match=matcher)


def cidr(value: str) -> CidrRange:
    """Raises ValueError when `value` is neither an address nor a network."""
    network = ipaddress.ip_network(value, strict=False)
    address = value.partition("/")[0]
    return CidrRange(address_prefix=address, prefix_len=u32(network.prefixlen))


# -- permissions: what is asked for --


def host(value: str) -> Permission:
    return Permission(header=header_matcher(":authority", value, ignore_case=True))


def method(value: str) -> Permission:
    return Permission(header=header_matcher(":method", value))


def path(value: str) -> Permission:
    if "{*}" in value or "{**}" in value:
        template = value.replace("{*}", "*").replace("{**}", "**")
        config = TypedExtensionConfig(
            name="uri-template", typed_config=pack(UriTemplateMatchConfig(path_template=template))
        )
        return Permission(uri_template=config)
    return Permission(url_path=PathMatcher(path=text_matcher(value)))


def port(value: str) -> Permission:
    number = int(value)
    if not 0 < number < 65536:
        raise ValueError(f"{value} is not a port")
    return Permission(destination_port=number)


def destination_ip(value: str) -> Permission:
    return Permission(destination_ip=cidr(value))


def server_name(value: str) -> Permission:
    return Permission(requested_server_name=text_matcher(value))


# -- principals: who asks --


def _authenticated(matcher: StringMatcher) -> Principal:
    return Principal(authenticated=Principal.Authenticated(principal_name=matcher))


def principal(value: str) -> Principal:
    return _authenticated(text_matcher(value, SPIFFE))


def namespace(value: str) -> Principal:
    return _authenticated(regex(f".*/ns/{_wild(value, '.*')}/.*"))


def service_account(value: str, policy_namespace: str) -> Principal:
    """`namespace/account`, or an account of the policy's own namespace."""
    where, slash, account = value.partition("/")
    if not slash:
        where, account = policy_namespace, where
    return _authenticated(regex(f"{SPIFFE}.+/ns/{_wild(where, '[^/]*')}/(.+/|)sa/{_wild(account, '[^/]*')}(/.+)?"))


def trust_domain(value: str) -> Principal:
    if "*" in value:
        return _authenticated(regex(f"{SPIFFE}{_wild(value, '[^/]*')}/.*"))
    return _authenticated(StringMatcher(prefix=f"{SPIFFE}{value}/"))


def source_ip(value: str) -> Principal:
    return Principal(direct_remote_ip=cidr(value))


def remote_ip(value: str) -> Principal:
    return Principal(remote_ip=cidr(value))


def header(name: str, value: str) -> Principal:
    return Principal(header=header_matcher(name, value))


def _claim(keys: Sequence[str], value: ValueMatcher) -> Principal:
    segments = [MetadataMatcher.PathSegment(key=key) for key in ("payload", *keys)]
    return Principal(metadata=MetadataMatcher(filter=JWT_FILTER, path=segments, value=value))


def request_principals(values: Sequence[str]) -> Principal:
    """Any of `issuer/subject` of a validated token. The subject follows the last slash; without one it is ""."""
    found = [_request_principal(value) for value in values]
    return found[0] if len(found) == 1 else Principal(or_ids=Principal.Set(ids=found))


def _request_principal(value: str) -> Principal:
    issuer, slash, subject = value.rpartition("/")
    anything = regex(".+")
    if value == "*":
        matchers = anything, anything
    elif not slash and value.startswith("*"):
        matchers = anything, StringMatcher(suffix=value[1:])
    elif not slash and value.endswith("*"):
        matchers = StringMatcher(prefix=value[:-1]), anything
    elif not slash:
        matchers = StringMatcher(exact=value), StringMatcher(exact="")
    elif value.startswith("*"):
        matchers = text_matcher(issuer), StringMatcher(exact=subject)
    else:
        matchers = StringMatcher(exact=issuer), text_matcher(subject)
    both = [
        _claim((name,), ValueMatcher(string_match=matcher))
        for name, matcher in zip(("iss", "sub"), matchers, strict=True)
    ]
    return Principal(and_ids=Principal.Set(ids=both))


def _any_text(values: Sequence[str]) -> ValueMatcher:
    texts = [ValueMatcher(string_match=text_matcher(value)) for value in values]
    return texts[0] if len(texts) == 1 else ValueMatcher(or_match=OrMatcher(value_matchers=texts))


def claims(keys: Sequence[str], values: Sequence[str]) -> Principal:
    """A claim that is any of the values, or a list that has one."""
    any_of = _any_text(values)
    either = OrMatcher(value_matchers=[ValueMatcher(list_match=ListMatcher(one_of=any_of)), any_of])
    return _claim(keys, ValueMatcher(or_match=either))


_FILTER_KEY = re.compile(r"experimental\.(envoy\.filters\.[^\[]+)\[(.+)\]$")


def filter_metadata(key: str, values: Sequence[str]) -> Permission:
    """Dynamic metadata that another filter has set, `experimental.envoy.filters.a.b[c]`; `[v]` is a list that has v."""
    found = _FILTER_KEY.match(key)
    if found is None:
        raise ValueError(f"condition key {key!r} is not experimental.envoy.filters.<filter>[<key>]")
    matchers = []
    for value in values:
        inner = ValueMatcher(string_match=text_matcher(value.strip("[]")))
        is_list = value.startswith("[") and value.endswith("]")
        matchers.append(ValueMatcher(list_match=ListMatcher(one_of=inner)) if is_list else inner)
    wanted = matchers[0] if len(matchers) == 1 else ValueMatcher(or_match=OrMatcher(value_matchers=matchers))
    path = [MetadataMatcher.PathSegment(key=found[2])]
    return Permission(metadata=MetadataMatcher(filter=found[1], path=path, value=wanted))


# -- trust domain aliases --


def with_aliases(principals: Iterable[str], trust_domains: Sequence[str]) -> list[str]:
    """Each principal of one of the mesh's trust domains (or of `cluster.local`) under all of their names."""
    found: list[str] = []
    for value in principals:
        parts = value.split("/")
        enforced = len(parts) == 5 and parts[0] != "*"
        if enforced and (parts[0] == LOCAL_TRUST_DOMAIN or any(_fits(parts[0], td) for td in trust_domains)):
            aliases = [value if _suffix_fits(parts[0], td) else "/".join((td, *parts[1:])) for td in trust_domains]
            found += dict.fromkeys(aliases)
        else:
            found.append(value)
    return found


def _suffix_fits(pattern: str, domain: str) -> bool:
    return pattern.startswith("*") and domain.endswith(pattern[1:])


def _fits(pattern: str, domain: str) -> bool:
    prefix = pattern.endswith("*") and domain.startswith(pattern[:-1])
    return pattern == domain or _suffix_fits(pattern, domain) or prefix
