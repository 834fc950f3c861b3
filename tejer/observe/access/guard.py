"""Who may use a server of the observe room. `protect` puts a Guard before a server's routes.

A request carries a Kubernetes token (checked by TokenReview) or the cookie of a session, which begins with a one-time
link (`tejer dashboard`) or a token pasted into the login page. Either way RBAC decides, by SubjectAccessReview on
`services/proxy` of the server's Service: the right that `kubectl get --raw .../services/prometheus/proxy/` needs.
Refusals are JSON for programs and a page for browsers. Tokens, codes and cookies are never logged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import hdrs, web

from tejer.kube.api import ApiError
from tejer.observe.access.answers import refusal
from tejer.observe.access.decide import Allow, Asked, AskToken, Refuse, Rules, Step, decide
from tejer.observe.access.reviews import Reviews
from tejer.observe.access.sessions import Codes, Session, Sessions, Who
from tejer.observe.access.throttle import Throttle

log = logging.getLogger(__name__)

PROBES = ("/-/healthy", "/-/ready", "/healthz", "/ready")
OPEN = ("/login", "/static/", "/favicon.svg", "/favicon.ico", *PROBES)
"""What everybody may have: the login page, the files it and the other pages are made of, and probes."""
LOGOUT = "/logout"
"""Whoever may read may leave."""
WHO: web.RequestKey[Who] = web.RequestKey("who", Who)
SESSION: web.RequestKey[Session] = web.RequestKey("session", Session)
ASKING = (ApiError, OSError)
"""What asking the API server may raise."""


@dataclass(frozen=True)
class AccessSettings:
    """`service` in `namespace` is what callers need rights on. `exempt` adds paths that need none (ingest doors)."""

    service: str
    namespace: str = "istio-system"
    exempt: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
    """Paths (prefixes where they end in "/") whose POST only reads."""
    open_on_loopback: bool = False
    """Run by hand: the caller binds to the loopback and nobody is asked."""
    socket: Path | None = None
    """Where the one-time link's door is; default: `socket_path(service)`."""

    @property
    def rules(self) -> Rules:
        return Rules((*OPEN, *self.exempt), (LOGOUT, *self.reading), self.open_on_loopback)

    @property
    def cookie(self) -> str:
        """Cookies of localhost are one jar for all ports, so each server's has a name of its own."""
        return f"tejer-{self.service}"


@dataclass
class Guard:
    """The state behind one server's middleware. `clock` is monotonic seconds."""

    settings: AccessSettings
    reviews: Reviews | None
    clock: Callable[[], float] = time.monotonic
    sessions: Sessions = field(default_factory=Sessions)
    codes: Codes = field(default_factory=Codes)
    throttle: Throttle = field(default_factory=Throttle)

    async def admit(self, request: web.Request) -> web.StreamResponse | None:
        """None: let it through, with WHO and SESSION set where known. Otherwise the refusal."""
        session = self.sessions.find(request.cookies.get(self.settings.cookie, ""), self.clock())
        if session is not None:
            request[SESSION] = session
            request[WHO] = session.who
        step = decide(asked_by(request, session), self.settings.rules)
        if isinstance(step, Allow):
            return None
        if isinstance(step, Refuse):
            return refusal(request, step)
        return await self._ask(request, step)

    async def _ask(self, request: web.Request, step: Step) -> web.StreamResponse | None:
        assert self.reviews is not None
        try:
            if isinstance(step, AskToken):
                who = await self.owner(request, step.token)
                if isinstance(who, Refuse):
                    return refusal(request, who)
                request[WHO] = who
            allowed = await self.reviews.may(request[WHO], step.verb)  # type: ignore[union-attr]
        except ASKING as error:
            log.warning("the API server can't be asked who may do this: %s", error)
            return refusal(request, Refuse(503, f"the API server can't be asked: {error}"))
        return None if allowed else refusal(request, self.forbidden(request[WHO], step.verb))  # type: ignore[union-attr]

    async def owner(self, request: web.Request, token: str) -> Who | Refuse:
        """Whose token this is. Wrong ones are counted by address; past a few, no more are tried for a while."""
        assert self.reviews is not None
        address = request.remote or ""
        if not self.reviews.known(token) and (seconds := self.throttle.wait(address, self.clock())):
            return Refuse(429, f"too many wrong tokens from {address}: wait {seconds} s")
        who = await self.reviews.owner(token)
        if who is None:
            self.throttle.failed(address, self.clock())
            log.info("a wrong token from %s", address)
            return Refuse(401, "the API server does not accept this token: it is wrong or has expired")
        return who

    def forbidden(self, who: Who, verb: str) -> Refuse:
        service = f"services/proxy {self.settings.service} in {self.settings.namespace}"
        return Refuse(403, f"{who.user} may not {verb} {service}: ask for a Role that allows it")


def asked_by(request: web.Request, session: Session | None) -> Asked:
    headers = request.headers
    return Asked(
        method=request.method,
        path=request.path,
        host=headers.get(hdrs.HOST, ""),
        authorization=headers.get(hdrs.AUTHORIZATION, ""),
        csrf=headers.get("X-CSRF-Token", ""),
        origin=headers.get(hdrs.ORIGIN, ""),
        session=session,
    )
