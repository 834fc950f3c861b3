"""Browser sessions and one-time codes, in memory: a restart ends them all. Pure but for the random numbers.

What a browser holds is never kept here, only its SHA-256: neither a look at this process's memory nor the time a
comparison takes gives a session away.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NamedTuple

from tejer.observe.access.expiring import Expiring

SESSION_SECONDS = 8 * 3600
CODE_SECONDS = 300
MAX_SESSIONS = 1000
MAX_CODES = 32
_BYTES = 32


class Who(NamedTuple):
    """A user as Kubernetes names one: `groups` decide with the name what RBAC allows."""

    user: str
    groups: tuple[str, ...] = ()


class Session(NamedTuple):
    """`csrf` must come back in a header with every request that changes something."""

    who: Who
    csrf: str


class Sessions:
    """Opened by a code or a token; each lasts SESSION_SECONDS at most."""

    def __init__(self, limit: int = MAX_SESSIONS) -> None:
        self._open: Expiring[bytes, Session] = Expiring(limit)

    def open(self, who: Who, now: float, seconds: float = SESSION_SECONDS) -> str:
        """The new session's secret, for the cookie."""
        secret = secrets.token_urlsafe(_BYTES)
        session = Session(who, secrets.token_urlsafe(_BYTES))
        self._open.put(digest(secret), session, now + min(seconds, SESSION_SECONDS))
        return secret

    def find(self, secret: str, now: float) -> Session | None:
        return self._open.get(digest(secret), now) if secret else None

    def close(self, secret: str, now: float) -> None:
        self._open.pop(digest(secret), now)


class Codes:
    """One-time codes of the links that `tejer dashboard` opens: good once, for CODE_SECONDS."""

    def __init__(self, limit: int = MAX_CODES) -> None:
        self._minted: Expiring[bytes, Who] = Expiring(limit)

    def mint(self, who: Who, now: float) -> str:
        code = secrets.token_urlsafe(_BYTES)
        self._minted.put(digest(code), who, now + CODE_SECONDS)
        return code

    def redeem(self, code: str, now: float) -> Who | None:
        return self._minted.pop(digest(code), now) if code else None


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())
