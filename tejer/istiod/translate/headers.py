"""Header changes of routes and destinations. Source: route.go TranslateHeadersOperations, `istio.md` V20."""

from __future__ import annotations

from collections.abc import Mapping

from tejer.envoy.proto import HeaderValue, HeaderValueOption
from tejer.kube.kinds.istio_networking import Headers

_HOST = ("host", ":authority")


def options(added: Mapping[str, str], replaced: Mapping[str, str]) -> list[HeaderValueOption]:
    """`add` appends, `set` overwrites. Host is not among them (it is a host rewrite), nor other `:` headers."""
    made = [_option(name, added[name], append=True) for name in sorted(added) if _allowed(name)]
    made += [_option(name, replaced[name], append=False) for name in sorted(replaced) if _allowed(name)]
    return made


def _allowed(name: str) -> bool:
    return name.lower() not in _HOST and not name.startswith(":")


def _option(name: str, value: str, *, append: bool) -> HeaderValueOption:
    action = HeaderValueOption.APPEND_IF_EXISTS_OR_ADD if append else HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    return HeaderValueOption(
        header=HeaderValue(key=name, value=value), append_action=action, keep_empty_value=value == ""
    )


def host_rewrite(headers: Headers | None) -> str:
    """The new Host when a request header operation sets it, else ""."""
    request = headers.request if headers else None
    if request is None:
        return ""
    for operation in (request.set, request.add):
        for name, value in operation.items():
            if name.lower() in _HOST:
                return value
    return ""


class HeaderChanges:
    """The four lists of Envoy's header changes, from an Istio `headers` block."""

    def __init__(self, headers: Headers | None) -> None:
        request = headers.request if headers else None
        response = headers.response if headers else None
        self.request_add = options(request.add, request.set) if request else []
        self.request_remove = [name for name in request.remove if _allowed(name)] if request else []
        self.response_add = options(response.add, response.set) if response else []
        self.response_remove = list(response.remove) if response else []
