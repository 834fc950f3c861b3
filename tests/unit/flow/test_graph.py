"""The contract of `tejer.flow.graph`: incremental equals from scratch, early cut-off, last good output kept."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tejer.flow.graph import Derived, Graph, Index, Reader, Source


class Pod(msgspec.Struct, frozen=True):
    key: str
    app: str
    ip: str


class Service(msgspec.Struct, frozen=True):
    key: str
    app: str


class Endpoints(msgspec.Struct, frozen=True):
    key: str
    ips: tuple[str, ...]


class Count(msgspec.Struct, frozen=True):
    key: str
    total: int


class Mesh:
    """Services select pods by app; `by_size` groups services by their number of endpoints (outputs move and clash)."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.pods: Source[Pod] = Source(self.graph, "pods")
        self.services: Source[Service] = Source(self.graph, "services")
        self.by_app: Index[str, Pod] = Index(self.pods, lambda pod: [pod.app])
        self.endpoints: Derived[Service, Endpoints] = Derived(
            self.graph, "endpoints", self.services, self._endpoints, reads=[self.pods]
        )
        self.by_size: Derived[Endpoints, Count] = Derived(self.graph, "by_size", self.endpoints, self._by_size)
        self.summary: Derived[Service, Count] = Derived(
            self.graph, "summary", self.services, self._summary, reads=[self.endpoints, self.by_size]
        )

    def _endpoints(self, reader: Reader, service: Service) -> Iterable[Endpoints]:
        if service.app == "none":
            return
        pods = reader.where(self.by_app, service.app)
        yield Endpoints(service.key, tuple(pod.ip for pod in pods))

    def _by_size(self, reader: Reader, endpoints: Endpoints) -> Iterable[Count]:
        yield Count(f"size-{len(endpoints.ips)}", len(endpoints.ips[0]) if endpoints.ips else 0)

    def _summary(self, reader: Reader, service: Service) -> Iterable[Count]:
        own = reader.get(self.endpoints, service.key)
        yield Count(service.key, sum(count.total for count in reader.all(self.by_size)) + len(own.ips if own else ()))

    def dump(self) -> list[object]:
        return [list(c) for c in (self.endpoints, self.by_size, self.summary)]


_NAMES = st.sampled_from(["a", "b", "c", "d"])
_APPS = st.sampled_from(["x", "y", "none"])
_WRITES = st.one_of(
    st.builds(Pod, key=_NAMES, app=_APPS, ip=st.sampled_from(["1", "22", "333"])),
    st.builds(Service, key=_NAMES, app=_APPS),
    st.tuples(st.sampled_from(["pods", "services"]), _NAMES),
)


def _apply(mesh: Mesh, write: Pod | Service | tuple[str, str]) -> None:
    if isinstance(write, Pod):
        mesh.pods.put(write)
    elif isinstance(write, Service):
        mesh.services.put(write)
    elif write[0] == "pods":
        mesh.pods.delete(write[1])
    else:
        mesh.services.delete(write[1])


@settings(deadline=None)
@given(st.lists(st.lists(_WRITES, max_size=5), max_size=12))
def test_incremental_equals_from_scratch(history: list[list[Pod | Service | tuple[str, str]]]) -> None:
    mesh = Mesh()
    for step in history:
        with mesh.graph.batch():
            for write in step:
                _apply(mesh, write)
    fresh = Mesh()
    with fresh.graph.batch():
        for pod in mesh.pods:
            fresh.pods.put(pod)
        for service in mesh.services:
            fresh.services.put(service)
    assert mesh.dump() == fresh.dump()
    assert sorted(map(str, mesh.graph.failures())) == sorted(map(str, fresh.graph.failures()))


def test_only_what_read_the_change_is_recomputed_and_equal_outputs_stop_the_wave() -> None:
    mesh = Mesh()
    with mesh.graph.batch():
        mesh.services.put(Service("s1", "x"))
        mesh.services.put(Service("s2", "y"))
        mesh.pods.put(Pod("p1", "x", "1"))
    before = (mesh.endpoints.recomputed, mesh.summary.recomputed)
    with mesh.graph.batch():
        mesh.pods.put(Pod("p2", "unselected", "9"))
    assert (mesh.endpoints.recomputed, mesh.summary.recomputed) == before
    with mesh.graph.batch():
        mesh.pods.put(Pod("p1", "x", "2"))
    assert mesh.endpoints.recomputed == before[0] + 1


def test_a_failing_transformation_keeps_its_last_good_output_and_is_reported() -> None:
    graph = Graph()
    pods: Source[Pod] = Source(graph, "pods")

    def parse(_: Reader, pod: Pod) -> Iterable[Count]:
        yield Count(pod.key, int(pod.ip))

    counts = Derived(graph, "counts", pods, parse)
    with graph.batch():
        pods.put(Pod("p", "x", "7"))
    with graph.batch():
        pods.put(Pod("p", "x", "seven"))
    assert list(counts) == [Count("p", 7)]
    [failure] = graph.failures()
    assert (failure.collection, failure.key) == ("counts", "p") and "seven" in str(failure.error)
    with graph.batch():
        pods.put(Pod("p", "x", "8"))
    assert list(counts) == [Count("p", 8)] and not graph.failures()


def test_undeclared_reads_are_refused() -> None:
    graph = Graph()
    pods: Source[Pod] = Source(graph, "pods")
    services: Source[Service] = Source(graph, "services")

    def sneaky(reader: Reader, _: Service) -> Iterable[Count]:
        yield Count("n", len(reader.all(pods)))

    Derived(graph, "sneaky", services, sneaky)
    with graph.batch():
        services.put(Service("s", "x"))
    assert "without declaring it" in str(graph.failures()[0].error)


def test_two_inputs_with_one_output_key_are_reported_and_the_smaller_wins() -> None:
    mesh = Mesh()
    with mesh.graph.batch():
        mesh.services.put(Service("b", "x"))
        mesh.services.put(Service("a", "x"))
    [clash] = mesh.graph.failures()
    assert clash.key == "b" and "'size-0' already comes from 'a'" in str(clash.error)


def test_writes_outside_a_batch_and_nested_batches_are_refused() -> None:
    mesh = Mesh()
    with pytest.raises(RuntimeError, match="inside graph"):
        mesh.pods.put(Pod("p", "x", "1"))
    with mesh.graph.batch(), pytest.raises(RuntimeError, match="does not nest"), mesh.graph.batch():
        pass


def test_watchers_hear_each_change_once() -> None:
    mesh = Mesh()
    heard: list[tuple[str, Endpoints | None, Endpoints | None]] = []
    mesh.endpoints.watch(lambda key, old, new: heard.append((key, old, new)))
    with mesh.graph.batch():
        mesh.services.put(Service("s", "x"))
        mesh.pods.put(Pod("p", "x", "1"))
    assert heard == [("s", None, Endpoints("s", ("1",)))]


def test_a_collection_derived_later_starts_with_what_is_there() -> None:
    mesh = Mesh()
    with mesh.graph.batch():
        mesh.pods.put(Pod("p", "x", "1"))
    apps: Index[str, Pod] = Index(mesh.pods, lambda pod: [pod.app])
    late = Derived(mesh.graph, "late", mesh.pods, lambda _, pod: [Count(pod.key, 1)])
    assert list(late) == [Count("p", 1)] and apps.members["x"] == {"p"}


def test_mermaid_shows_inputs_and_reads() -> None:
    text = Mesh().graph.mermaid()
    assert "services ==> endpoints" in text and "pods --> endpoints" in text
