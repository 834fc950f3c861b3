"""Asks the API server who a token's owner is and what RBAC lets them do, and remembers the answers for a short time."""

from __future__ import annotations

from collections.abc import Callable

from tejer.kube.api import Api
from tejer.kube.types import SUBJECTACCESSREVIEWS, TOKENREVIEWS
from tejer.observe.access.expiring import Expiring
from tejer.observe.access.sessions import Who, digest

GOOD_SECONDS = 30
BAD_SECONDS = 5
MAX_ANSWERS = 2000


class Reviews:
    """`service` in `namespace` is what callers must have rights on: `get services/proxy prometheus` to read it."""

    def __init__(self, api: Api, namespace: str, service: str, clock: Callable[[], float]) -> None:
        self._api, self._namespace, self._service, self._clock = api, namespace, service, clock
        self._owners: Expiring[bytes, Who] = Expiring(MAX_ANSWERS)
        self._rights: Expiring[tuple[Who, str], bool] = Expiring(MAX_ANSWERS)

    def known(self, token: str) -> bool:
        """Whether the owner of `token` was found lately: it can't be a guess."""
        return bool(self._owners.get(digest(token), self._clock()))

    async def owner(self, token: str) -> Who | None:
        """Whose token this is, None for nobody's. Raises ApiError or OSError when the API server can't say."""
        key = digest(token)
        if (remembered := self._owners.get(key, self._clock())) is not None:
            return remembered if remembered.user else None
        review = await self._api.create(
            TOKENREVIEWS,
            {"apiVersion": TOKENREVIEWS.api_version, "kind": TOKENREVIEWS.kind, "spec": {"token": token}},
        )
        status = review.get("status") or {}
        user = (status.get("user") or {}) if status.get("authenticated") else {}
        who = Who(str(user.get("username", "")), tuple(user.get("groups") or ()))
        self._owners.put(key, who, self._clock() + (GOOD_SECONDS if who.user else BAD_SECONDS))
        return who if who.user else None

    async def may(self, who: Who, verb: str) -> bool:
        """Whether RBAC lets `who` do `verb` to the proxy of our Service. Raises as `owner`."""
        if (remembered := self._rights.get((who, verb), self._clock())) is not None:
            return remembered
        review = await self._api.create(
            SUBJECTACCESSREVIEWS,
            {
                "apiVersion": SUBJECTACCESSREVIEWS.api_version, "kind": SUBJECTACCESSREVIEWS.kind,
                "spec": {
                    "user": who.user, "groups": list(who.groups),
                    "resourceAttributes": {
                        "namespace": self._namespace, "verb": verb, "resource": "services", "subresource": "proxy",
                        "name": self._service,
                    },
                },
            },
        )  # fmt: skip
        allowed = bool((review.get("status") or {}).get("allowed"))
        self._rights.put((who, verb), allowed, self._clock() + (GOOD_SECONDS if allowed else BAD_SECONDS))
        return allowed
