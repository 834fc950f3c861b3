"""All analyzers, in a literal list, and `Analysis`, which keeps what they say up to date."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

from tejer.flow.graph import Derived, Graph, Reader
from tejer.istiod.checks.analyzer import Analyzer, found
from tejer.istiod.checks.analyzers.listed import ANALYZERS, PRECHECK
from tejer.istiod.checks.objects import TYPED, Item
from tejer.istiod.checks.view import Objects, View
from tejer.istiod.checks.world import Settings, World
from tejer.kube.problem import Problem
from tejer.kube.resource import Body, Key
from tejer.kube.types import ResourceType


class Findings(NamedTuple):
    """What some analyzers say of one object."""

    key: Key
    problems: tuple[Problem, ...]


class Analysis:
    """Objects in, problems out. After a change only what depends on it is analysed again; one thread, no I/O.

    An analyzer that needs a kind in `absent` (one that could not be read) is left out: it would report what it can't
    see. `only` names the analyzers to run; empty means all.
    """

    def __init__(
        self, settings: Settings, analyzers: Iterable[Analyzer] = ANALYZERS, *, absent: Collection[ResourceType] = ()
    ) -> None:
        self.graph = Graph()
        self.objects = Objects(self.graph, settings)
        self.changed: set[Key] = set()
        self._findings: list[Derived[Any, Findings]] = []
        by_source: dict[tuple[ResourceType | None, bool], list[Analyzer]] = {}
        for analyzer in analyzers:
            if not any(rtype in absent for rtype in analyzer.needs):
                for rtype in analyzer.over:
                    if rtype not in absent:
                        by_source.setdefault((rtype, bool(analyzer.needs)), []).append(analyzer)
        for (rtype, looks_elsewhere), group in by_source.items():
            # Those that look at one kind only run together; the others each alone, or a change of what one reads
            # would run all of them.
            for members in [[analyzer] for analyzer in group] if looks_elsewhere else [group]:
                self._derive(rtype, members)

    def _derive(self, rtype: ResourceType | None, analyzers: list[Analyzer]) -> None:
        source = self.objects.of(rtype)
        name = f"{analyzers[0].name}/{source.name}"
        derived = Derived(self.graph, name, source, _transform(analyzers, self.objects), self.objects.readable)
        derived.watch(lambda key, _old, _new: self.changed.add(key))
        self._findings.append(derived)

    def put(self, bodies: Iterable[Body], deleted: Iterable[Key] = ()) -> None:
        """Take in new and changed objects and forget the deleted ones. `changed` collects whose problems changed."""
        with self.graph.batch():
            for body in bodies:
                item = Item(body)
                self.objects.of(item.rtype).put(item)
            for key in deleted:
                self.objects.delete(key)

    def configure(self, settings: Settings) -> None:
        """The mesh's settings are others now."""
        self.objects.configure(settings)

    def problems_of(self, key: Key) -> list[Problem]:
        """What is wrong with one object, errors first."""
        return _sorted(problem for derived in self._findings if (f := derived.get(key)) for problem in f.problems)

    def problems(self) -> list[Problem]:
        """Everything: each message once, errors first, then by code and object."""
        return _sorted(p for derived in self._findings for findings in derived for p in findings.problems)


def _transform(analyzers: list[Analyzer], objects: Objects) -> Callable[[Reader, Item], Iterable[Findings]]:
    def findings(reader: Reader, item: Item) -> Iterable[Findings]:
        view = View(reader, objects)
        problems: list[Problem] = []
        for analyzer in analyzers:
            if item.value is None and item.rtype in TYPED and not analyzer.raw:
                continue  # the schema's analyzer says why
            try:
                problems += analyzer.run(item, view)
            except Exception as error:  # an analyzer's fault must not hide what the others found
                text = f"analyzer {analyzer.name} failed: {type(error).__name__}: {error}"
                problems.append(found(item, "IST0001", text, hint="this is a bug of ours: please report it"))
        return (Findings(item.key, tuple(problems)),) if problems else ()

    return findings


def needed_types(analyzers: Iterable[Analyzer] = ANALYZERS) -> tuple[ResourceType, ...]:
    """The kinds that the analyzers read, each once; those that look at whatever there is need none."""
    read = (r for analyzer in analyzers for r in (*analyzer.needs, *(() if None in analyzer.over else analyzer.over)))
    return tuple(dict.fromkeys(rtype for rtype in read if rtype is not None))


def analyze(world: World, *, only: Collection[str] = (), absent: Collection[ResourceType] = ()) -> list[Problem]:
    """The messages of all analyzers, or of those named in `only`, on a world, from scratch."""
    chosen = [analyzer for analyzer in (*ANALYZERS, *PRECHECK) if analyzer.name in only] if only else ANALYZERS
    analysis = Analysis(world.settings, chosen, absent=absent)
    analysis.put(world.bodies)
    return analysis.problems()


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    unique = {(problem.code, problem.key, problem.kind, problem.message): problem for problem in problems}
    return sorted(unique.values(), key=_order)


def _order(problem: Problem) -> tuple[int, str, tuple[str, ...], str]:
    return -problem.severity, problem.code, tuple(problem.key or ()), problem.message
