"""Envoy's and Istio's protobuf messages by short name, typed by the stub beside this file (`proto.pyi`).

    from tejer.envoy.proto import Cluster, Duration, TcpProxy, any_bytes, pack

    cluster = Cluster(name="BlackHoleCluster", type="STATIC", connect_timeout=Duration(seconds=10))
    body = any_bytes(cluster)                     # deterministic: what a resource's hash is taken over
    typed = pack(TcpProxy(stat_prefix="x"))       # google.protobuf.Any with the type URL Envoy expects
    again = unpack(typed, TcpProxy)

- Constructors take fields by keyword; `None` leaves a field unset; enums are ints (`Cluster.EDS`) or their names.
- Wrapper types have helpers: `u32(5)`, `u64(5)`, `true()`, `boolean(False)`, `seconds(0.25)`, `struct({...})`.
- Which names exist and what they stand for: `tejer.envoy.messages`. Classes are made when first imported, from the
  descriptors of the installed Envoy (`tejer.envoy.descriptors`); the first import of all costs about 10 ms.
- `message_class("full.name")` gives any message of Envoy's, for the config dump and other generic readers.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any as AnyValue

from google.protobuf import message_factory
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message

from tejer.envoy.descriptors import EnvoyPool, envoy_path, load_files
from tejer.envoy.messages import candidates

TYPE_URL_PREFIX = "type.googleapis.com/"


@cache
def pool() -> EnvoyPool:
    """The one pool of this process."""
    return EnvoyPool(load_files(envoy_path()))


@cache
def message_class(full_name: str) -> type[Message]:
    """The class of a message by full name, nested ones included. Raises KeyError when this Envoy has none such."""
    return message_factory.GetMessageClass(pool().message(full_name))


def __getattr__(name: str) -> AnyValue:
    if name.startswith("_"):
        raise AttributeError(name)
    for full_name in candidates(name):
        if (kind := pool().kind(full_name)) is None:
            continue
        found: AnyValue
        found = message_class(full_name) if kind == "message" else EnumTypeWrapper(pool().enum(full_name))
        globals()[name] = found
        return found
    raise AttributeError(f"no Envoy message is called {name!r}: add it to tejer.envoy.messages.ALIASES")


@lru_cache(maxsize=1024)
def type_url(message: type[Message]) -> str:
    """`type.googleapis.com/envoy.config.cluster.v3.Cluster`."""
    return TYPE_URL_PREFIX + str(message.DESCRIPTOR.full_name)


def any_bytes(message: Message) -> bytes:
    """The message serialized deterministically: the `value` of an Any. Equal messages give equal bytes."""
    return message.SerializeToString(deterministic=True)


def pack(message: Message) -> AnyValue:
    """A google.protobuf.Any holding `message`."""
    return message_class("google.protobuf.Any")(type_url=type_url(type(message)), value=any_bytes(message))


def any_from_bytes(url: str, value: bytes) -> AnyValue:
    """A google.protobuf.Any around bytes that were serialized before."""
    return message_class("google.protobuf.Any")(type_url=url, value=value)


def unpack(packed: AnyValue, kind: type[Message]) -> AnyValue:
    """The message inside an Any. Raises ValueError when it holds another type."""
    if packed.type_url != type_url(kind):
        raise ValueError(f"expected {type_url(kind)}, the Any holds {packed.type_url}")
    return kind.FromString(packed.value)


def u32(value: int) -> AnyValue:
    return message_class("google.protobuf.UInt32Value")(value=value)


def u64(value: int) -> AnyValue:
    return message_class("google.protobuf.UInt64Value")(value=value)


def double(value: float) -> AnyValue:
    return message_class("google.protobuf.DoubleValue")(value=value)


def boolean(value: bool) -> AnyValue:
    return message_class("google.protobuf.BoolValue")(value=value)


def true() -> AnyValue:
    return boolean(True)


def seconds(value: float) -> AnyValue:
    """A google.protobuf.Duration, exact to the microsecond."""
    micros = round(value * 1_000_000)
    whole, rest = divmod(abs(micros), 1_000_000)
    sign = -1 if micros < 0 else 1
    return message_class("google.protobuf.Duration")(seconds=sign * whole, nanos=sign * rest * 1000)


def struct(value: dict[str, AnyValue]) -> AnyValue:
    """A google.protobuf.Struct of JSON-like `value`."""
    result: AnyValue = message_class("google.protobuf.Struct")()
    result.update(value)
    return result
