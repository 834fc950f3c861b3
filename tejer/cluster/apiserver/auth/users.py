"""`User`: who makes a request, after authentication."""

from __future__ import annotations

from dataclasses import dataclass, field

from tejer.kube.resource import Body

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS = "system:anonymous"
SERVICE_ACCOUNTS = "system:serviceaccounts"


@dataclass(frozen=True, slots=True)
class User:
    """`extra` holds what the authenticator knows besides, e.g. the pod a token is bound to."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def info(self) -> Body:
        """The `userInfo` object of reviews and admission."""
        info: Body = {"username": self.name}
        if self.uid:
            info["uid"] = self.uid
        if self.groups:
            info["groups"] = list(self.groups)
        if self.extra:
            info["extra"] = {key: list(values) for key, values in self.extra.items()}
        return info


def authenticated(name: str, groups: tuple[str, ...] = (), uid: str = "", **extra: tuple[str, ...]) -> User:
    """A user known by name: a member of system:authenticated besides the given groups."""
    everyone = groups if AUTHENTICATED in groups else (*groups, AUTHENTICATED)
    return User(name, everyone, uid, dict(extra))


def service_account(namespace: str, name: str, uid: str = "", extra: dict[str, tuple[str, ...]] | None = None) -> User:
    groups = (SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}", AUTHENTICATED)
    return User(f"system:serviceaccount:{namespace}:{name}", groups, uid, extra or {})


ANONYMOUS_USER = User(ANONYMOUS, (UNAUTHENTICATED,))
