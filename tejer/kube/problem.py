"""`Problem`: the one type for everything wrong with what a user wrote.

Validation, analysis, translation warnings, a proxy's NACK and status conditions all speak it; the CLI, the webhook's
answer and the console only render it.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from tejer.kube.resource import Key


class Severity(IntEnum):
    INFO = 0
    WARNING = 1
    ERROR = 2


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where an object or a field of it stands: file, line and column from 1, or the cluster (then `file` is "")."""

    file: str = ""
    line: int = 0
    column: int = 0


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """`code` is Istio's message code (`IST0101`) or "" for plain validation; `field` a path such as `spec.hosts[0]`.

    `message` says what is wrong and `hint` what to try; both are for people.
    """

    severity: Severity
    message: str
    code: str = ""
    key: Key | None = None
    kind: str = ""
    field: str = ""
    hint: str = ""
    origin: Origin = Origin()
