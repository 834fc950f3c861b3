"""Incremental collections: pure functions over keyed sets, recomputed only where their inputs changed.

A `Graph` holds a fixed DAG of collections. `Source`s are written inside `graph.batch()`; on exit every `Derived`
whose inputs changed is recomputed once, in topological order (so nobody sees half a change), and the wave stops where
outputs compare equal. A transformation sees its input and what it reads through its `Reader`, nothing else; reads are
recorded, and reading a collection that was not declared is an error. One thread, no I/O, no locks, no queues.

The contract (checked by a property test): after any history of writes the graph holds what a fresh graph given the
same sources would hold. Two rules of ours make that true: `all` and `where` answer in key order, and where two inputs
produce the same output key the smaller input key wins (the other is reported as a `Failure`).

A transformation that raises keeps its last good outputs and leaves a `Failure`; it runs again when something it read
changes. Collections hold immutable values with a `key` and a meaningful `==` (frozen Structs, tuples).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, Protocol, TypeVar


class Keyed(Protocol):
    """What collections hold. Keys of one collection are of one sortable type."""

    @property
    def key(self) -> Any: ...


T = TypeVar("T", bound=Keyed)
I = TypeVar("I", bound=Keyed)  # noqa: E741
O = TypeVar("O", bound=Keyed)  # noqa: E741
K = TypeVar("K", bound=Hashable)

_ALL = object()  # a dependency on every member of a collection


class Failure(NamedTuple):
    """A transformation that raised on `key` of `collection`'s input, or an output key that two inputs produce."""

    collection: str
    key: Any
    error: Exception


class Index(Generic[K, T]):
    """Groups a collection's members by the keys that `extract` gives for each."""

    def __init__(self, collection: Collection[T], extract: Callable[[T], Iterable[K]]) -> None:
        self.collection, self.extract = collection, extract
        self.members: dict[K, set[Any]] = defaultdict(set)
        collection.indexes.append(self)
        for key, item in collection.items.items():
            for group in extract(item):
                self.members[group].add(key)

    def update(self, key: Any, old: T | None, new: T | None) -> set[K]:
        """Move the member `key` to its new groups; returns the groups whose contents changed."""
        before = set(self.extract(old)) if old is not None else set()
        after = set(self.extract(new)) if new is not None else set()
        for group in before - after:
            self.members[group].discard(key)
            if not self.members[group]:
                del self.members[group]
        for group in after - before:
            self.members[group].add(key)
        return before | after


class Collection(Generic[T]):
    """A keyed set of values that others may derive from, read, index and watch."""

    def __init__(self, graph: Graph, name: str, height: int = 0) -> None:
        self.graph, self.name, self.height = graph, name, height
        self.items: dict[Any, T] = {}
        self.indexes: list[Index[Any, T]] = []
        self.children: list[Derived[T, Any]] = []
        self.readers: dict[tuple[object, object], set[tuple[Derived[Any, Any], Any]]] = defaultdict(set)
        self.watchers: list[Callable[[Any, T | None, T | None], None]] = []
        self._ordered: list[Any] | None = None
        graph.add(self)

    def __iter__(self) -> Iterator[T]:
        """Members in key order."""
        return iter(self.ordered())

    def __len__(self) -> int:
        return len(self.items)

    def get(self, key: Any) -> T | None:
        return self.items.get(key)

    def ordered(self) -> list[T]:
        if self._ordered is None:
            self._ordered = sorted(self.items)
        return [self.items[key] for key in self._ordered]

    def watch(self, callback: Callable[[Any, T | None, T | None], None]) -> None:
        """Call `callback(key, old, new)` for each later change, while the graph settles."""
        self.watchers.append(callback)

    def _replace(self, key: Any, new: T | None) -> None:
        old = self.items.get(key)
        if old == new:
            return  # early cut-off: an equal output stops the wave
        if new is None:
            del self.items[key]
        else:
            self.items[key] = new
        if old is None or new is None:
            self._ordered = None
        touched: list[tuple[object, object]] = [(None, key), (None, _ALL)]
        for index in self.indexes:
            touched += [(index, group) for group in index.update(key, old, new)]
        for child in self.children:
            self.graph.mark(child, key)
        for where in touched:
            for reader, input_key in self.readers.get(where, ()):
                self.graph.mark(reader, input_key)
        for callback in self.watchers:
            callback(key, old, new)


class Source(Collection[T]):
    """A collection written from outside, inside `graph.batch()` only."""

    def put(self, item: T) -> None:
        self._check_open()
        self._replace(item.key, item)

    def delete(self, key: Any) -> None:
        self._check_open()
        self._replace(key, None)

    def _check_open(self) -> None:
        if not self.graph.is_open:
            raise RuntimeError(f"write {self.name} inside graph.batch()")


class Reader:
    """What a transformation may read besides its input. Every read is recorded as a dependency."""

    __slots__ = ("derived", "reads")

    def __init__(self, derived: Derived[Any, Any]) -> None:
        self.derived = derived
        self.reads: set[tuple[Collection[Any], object, object]] = set()

    def get(self, collection: Collection[T], key: Any) -> T | None:
        self._note(collection, None, key)
        return collection.items.get(key)

    def all(self, collection: Collection[T]) -> list[T]:
        """Every member, in key order."""
        self._note(collection, None, _ALL)
        return collection.ordered()

    def where(self, index: Index[K, T], group: K) -> list[T]:
        """The members that `index` files under `group`, in key order."""
        collection = index.collection
        self._note(collection, index, group)
        return [collection.items[key] for key in sorted(index.members.get(group, ()))]

    def _note(self, collection: Collection[Any], index: object, key: object) -> None:
        if collection not in self.derived.reads:
            raise LookupError(f"{self.derived.name} reads {collection.name} without declaring it in reads=")
        self.reads.add((collection, index, key))


class Derived(Collection[O], Generic[I, O]):
    """`transform(reader, item)` over each member of `over`; it may read the collections in `reads` and no others."""

    def __init__(
        self,
        graph: Graph,
        name: str,
        over: Collection[I],
        transform: Callable[[Reader, I], Iterable[O]],
        reads: Iterable[Collection[Any]] = (),
    ) -> None:
        self.over, self.transform, self.reads = over, transform, tuple(reads)
        super().__init__(graph, name, 1 + max(c.height for c in (over, *self.reads)))
        self.failures: dict[Any, Exception] = {}
        self.recomputed = 0
        self._outputs: dict[Any, dict[Any, O]] = {}  # input key -> its outputs
        self._owners: dict[Any, set[Any]] = defaultdict(set)  # output key -> the input keys that produce it
        self._noted: dict[Any, set[tuple[Collection[Any], object, object]]] = {}
        over.children.append(self)
        for key in over.items:
            graph.mark(self, key)
        if not graph.is_open:
            graph.settle()

    def recompute(self, keys: Iterable[Any]) -> None:
        """Run the transformation again for the input `keys`, then publish what changed."""
        touched: dict[Any, None] = {}
        for key in keys:
            before = self._outputs.get(key, {})
            after = self._run(key, before)
            for out in before:
                if out not in after:
                    self._disown(out, key)
            for out in after:
                self._owners[out].add(key)
            if after:
                self._outputs[key] = after
            else:
                self._outputs.pop(key, None)
            touched.update(dict.fromkeys((*before, *after)))
        for out in touched:
            owners = self._owners.get(out)
            self._replace(out, self._outputs[min(owners)][out] if owners else None)

    def _run(self, key: Any, last_good: dict[Any, O]) -> dict[Any, O]:
        for collection, index, group in self._noted.pop(key, ()):
            readers = collection.readers[index, group]
            readers.discard((self, key))
            if not readers:
                del collection.readers[index, group]
        self.failures.pop(key, None)
        item = self.over.items.get(key)
        if item is None:
            return {}
        self.recomputed += 1
        reader = Reader(self)
        try:
            return {output.key: output for output in self.transform(reader, item)}
        except Exception as error:  # whatever a transformation raises is its problem alone
            self.failures[key] = error
            return last_good
        finally:
            for collection, index, group in reader.reads:
                collection.readers[index, group].add((self, key))
            self._noted[key] = reader.reads

    def _disown(self, output: Any, key: Any) -> None:
        owners = self._owners[output]
        owners.discard(key)
        if not owners:
            del self._owners[output]

    def clashes(self) -> Iterator[Failure]:
        """Output keys that more than one input produces; the smallest input key's output is the one kept."""
        for out, owners in self._owners.items():
            first, *others = sorted(owners)
            for key in others:
                yield Failure(self.name, key, ValueError(f"{out!r} already comes from {first!r}"))


class Graph:
    """The collections and the order in which they settle."""

    def __init__(self) -> None:
        self.collections: list[Collection[Any]] = []
        self.is_open = False
        self._dirty: dict[int, dict[tuple[Derived[Any, Any], Any], None]] = defaultdict(dict)

    def add(self, collection: Collection[Any]) -> None:
        if any(other.name == collection.name for other in self.collections):
            raise ValueError(f"two collections are named {collection.name!r}")
        self.collections.append(collection)

    def mark(self, derived: Derived[Any, Any], key: Any) -> None:
        self._dirty[derived.height][derived, key] = None

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Write sources inside; everything derived is up to date on exit."""
        if self.is_open:
            raise RuntimeError("graph.batch() does not nest")
        self.is_open = True
        try:
            yield
        finally:
            self.is_open = False
            self.settle()

    def settle(self) -> None:
        while self._dirty:
            level: dict[Derived[Any, Any], list[Any]] = defaultdict(list)
            for derived, key in self._dirty.pop(min(self._dirty)):
                level[derived].append(key)
            for derived, keys in level.items():
                derived.recompute(keys)

    def failures(self) -> list[Failure]:
        """Transformations whose last run raised, and output keys produced twice."""
        found: list[Failure] = []
        for collection in self.collections:
            if isinstance(collection, Derived):
                found += (Failure(collection.name, key, error) for key, error in collection.failures.items())
                found += collection.clashes()
        return found

    def mermaid(self) -> str:
        """The graph as a mermaid flowchart: `==>` is transformed, `-->` is read."""
        lines = ["graph LR"]
        for collection in self.collections:
            if isinstance(collection, Derived):
                lines.append(f"  {collection.over.name} ==> {collection.name}")
                lines += [f"  {read.name} --> {collection.name}" for read in collection.reads]
        return "\n".join(lines)
