"""VirtualService matches as Envoy's: `istio.md` V2-V5."""

from __future__ import annotations

from collections.abc import Mapping

from tejer.envoy.proto import (
    HeaderMatcher,
    QueryParameterMatcher,
    RegexMatcher,
    RouteMatch,
    StringMatcher,
    boolean,
)
from tejer.kube.kinds.istio_networking import HTTPMatchRequest, StringMatch

CLAIM_PREFIX = "@request.auth.claims"


def string_matcher(match: StringMatch) -> StringMatcher:
    if match.regex:
        return StringMatcher(safe_regex=RegexMatcher(regex=match.regex))
    if match.prefix:
        return StringMatcher(prefix=match.prefix)
    return StringMatcher(exact=match.exact)


def is_presence(match: StringMatch | None) -> bool:
    """No value at all, or the regex `*`: the header only has to be there."""
    return match is None or match.regex == "*" or not (match.exact or match.prefix or match.regex)


def route_match(match: HTTPMatchRequest | None) -> RouteMatch:
    """Raises ValueError for a match that stock Envoy cannot express here."""
    if match is None:
        return RouteMatch(prefix="/")
    made = RouteMatch()
    uri = match.uri
    if uri is None or not (uri.exact or uri.prefix or uri.regex):
        made.prefix = "/"
    elif uri.regex:
        made.safe_regex.CopyFrom(RegexMatcher(regex=uri.regex))
    elif uri.prefix:
        made.prefix = uri.prefix
    else:
        made.path = uri.exact
    if match.ignore_uri_case:
        made.case_sensitive.CopyFrom(boolean(False))
    made.headers.extend(_headers(match.headers))
    for header, text in ((":method", match.method), (":authority", match.authority), (":scheme", match.scheme)):
        if text is not None:
            made.headers.append(_header(header, text))
    for name in sorted(match.without_headers):
        made.headers.append(_without(name, match.without_headers[name]))
    for name in sorted(match.query_params):
        made.query_parameters.append(_query(name, match.query_params[name]))
    return made


def is_catch_all(match: RouteMatch) -> bool:
    everything = match.prefix == "/" or match.safe_regex.regex in (".*", "*")
    return everything and not match.headers and not match.query_parameters


def _headers(headers: Mapping[str, StringMatch]) -> list[HeaderMatcher]:
    for name in headers:
        if name.startswith(CLAIM_PREFIX):
            raise ValueError(f"matching on JWT claims ({name}) is not done yet")
    return [_header(name, headers[name]) for name in sorted(headers)]


def _header(name: str, match: StringMatch) -> HeaderMatcher:
    if is_presence(match):
        return HeaderMatcher(name=name, present_match=True)
    return HeaderMatcher(name=name, string_match=string_matcher(match))


def _without(name: str, match: StringMatch) -> HeaderMatcher:
    made = _header(name, match)
    made.invert_match = True
    if not is_presence(match):
        made.treat_missing_header_as_empty = True
    return made


def _query(name: str, match: StringMatch) -> QueryParameterMatcher:
    if is_presence(match):
        return QueryParameterMatcher(name=name, present_match=True)
    return QueryParameterMatcher(name=name, string_match=string_matcher(match))
