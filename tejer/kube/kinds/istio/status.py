"""Status of every Istio object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.keywords import enum, message, schema


class IstioCondition(Kind, frozen=True, kw_only=True):
    """One condition of an object, as in Kubernetes."""

    last_probe_time: Annotated[str, schema(format="date-time")] = ""
    last_transition_time: Annotated[str, schema(format="date-time")] = ""
    message: str = ""
    observed_generation: int | str | None = None
    reason: str = ""
    status: str = ""
    type: str = ""


class AnalysisMessageType(Kind, frozen=True, kw_only=True):
    """Name and code (`IST0101`) of a kind of message."""

    code: str = ""
    name: str = ""


class AnalysisMessageBase(Kind, frozen=True, kw_only=True):
    """One message of the analysis."""

    documentation_url: str = ""
    level: Annotated[str, enum("UNKNOWN", "ERROR", "WARNING", "INFO")] = ""
    type: AnalysisMessageType | None = None


class IstioStatus(Kind, frozen=True, kw_only=True):
    """What the control plane reports back about an object."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(preserve_unknown=True)

    conditions: tuple[IstioCondition, ...] = ()
    observed_generation: int | str | None = None
    validation_messages: tuple[AnalysisMessageBase, ...] = ()
