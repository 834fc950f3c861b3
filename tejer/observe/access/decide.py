"""What to do with a request, before anybody is asked about it. Pure.

`decide` sees the request's headers and the session its cookie names, and answers with the next step: let it through,
ask the API server about a token or a user, or refuse it.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

from tejer.observe.access.sessions import Session, Who, same

MAX_TOKEN = 16 * 1024
"""Bytes of a bearer token. ServiceAccount tokens have about 1,000; OIDC ones with many groups a few thousand."""
VERBS = {
    "GET": "get", "HEAD": "get", "OPTIONS": "get", "POST": "create",
    "PUT": "update", "PATCH": "patch", "DELETE": "delete",
}  # fmt: skip
"""The RBAC verb of each method, as Kubernetes has it for services/proxy."""
_SAFE = ("GET", "HEAD", "OPTIONS")
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Rules(NamedTuple):
    """What a server lets through unasked, and which of its POSTs only read.

    `exempt` are paths, or path prefixes where they end in "/". `reading` are paths (or prefixes) whose POST needs only
    the right to read: Prometheus's clients send long queries that way.
    """

    exempt: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
    open_on_loopback: bool = False
    """Run by hand and bound to the loopback: whoever is on this machine may read and write, other sites may not."""


class Asked(NamedTuple):
    """The part of a request that decides."""

    method: str
    path: str
    host: str = ""
    authorization: str = ""
    csrf: str = ""
    origin: str = ""
    session: Session | None = None


class Allow(NamedTuple):
    """Goes through; nobody need be asked."""


class AskToken(NamedTuple):
    """Whose token is this, and may they `verb`?"""

    token: str
    verb: str


class AskUser(NamedTuple):
    """May they `verb`?"""

    who: Who
    verb: str


class Refuse(NamedTuple):
    """`status` 401: who are you; 403: not you; 431: too large."""

    status: int
    why: str


Step: TypeAlias = "Allow | AskToken | AskUser | Refuse"


def decide(asked: Asked, rules: Rules) -> Step:
    """The next step for a request."""
    if listed(asked.path, rules.exempt):
        return Allow()
    reads = asked.method in _SAFE or listed(asked.path, rules.reading)
    verb = "get" if reads else VERBS.get(asked.method, "")
    if not verb:
        return Refuse(403, f"the method {asked.method} is not known here")
    if rules.open_on_loopback:
        return _local(asked, reads)
    scheme, _, token = asked.authorization.partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        if len(token) > MAX_TOKEN:
            return Refuse(431, f"the token is longer than {MAX_TOKEN} bytes")
        return AskToken(token.strip(), verb)
    if asked.session is None:
        return Refuse(401, "log in, or send a Kubernetes token in an Authorization header")
    if asked.method not in _SAFE and not same(asked.csrf, asked.session.csrf):
        return Refuse(403, "the header X-CSRF-Token is missing or is not this session's: reload the page")
    return AskUser(asked.session.who, verb)


def _local(asked: Asked, reads: bool) -> Step:
    """A page elsewhere must not reach a server on this machine: not by another name for it, nor by a form."""
    host = (urlsplit(f"//{asked.host}").hostname or "") if asked.host else ""
    if host not in _LOCAL:
        return Refuse(403, f"this server is for this machine: open it as localhost, not as {host or 'no name'}")
    if asked.origin and urlsplit(asked.origin).netloc != asked.host and not (reads and asked.method in _SAFE):
        return Refuse(403, f"a page of {asked.origin} may not do this")
    return Allow()


def listed(path: str, paths: tuple[str, ...]) -> bool:
    """Whether `path` is one of `paths`, or lies below one of those that end in "/"."""
    return any(path == one or (one.endswith("/") and path.startswith(one)) for one in paths)


def local_path(wanted: str) -> str:
    """`wanted` if it is a path of this site (where a login goes on to), else "/"."""
    parts = urlsplit(wanted)
    local = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return wanted if local and wanted.isprintable() and "\\" not in wanted else "/"
