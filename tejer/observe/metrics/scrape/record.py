"""What one target's scrapes become in the store: its series, their stale markers and the report of each scrape.

A state machine without I/O of its own: pages and times in, appends out.
Source: prometheus/scrape/scrape.go (scrapeLoop, mutateSampleLabels), "Staleness" in Prometheus's documentation.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from tejer.observe.metrics.config import ScrapeConfig
from tejer.observe.metrics.scrape.exposition import Sample, comment_of, labels_of, read_page
from tejer.observe.metrics.scrape.limits import FAMILIES, Limits, limits_of
from tejer.observe.metrics.scrape.relabel import relabel
from tejer.observe.metrics.series import STALE_NAN, Appender, Labels

DROPPED = -1
"""In place of a reference: metric relabelling drops the series."""

HOUR = 60 * 60 * 1000
FUTURE = 10 * 60 * 1000
"""A target's own timestamp may be this many milliseconds ahead; what is further is left out, as in Prometheus."""

REPORT = (
    "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)  # fmt: skip


class LimitError(ValueError):
    """A target sent more than it may; the whole scrape is refused."""


class Metadata(NamedTuple):
    """What a target says of a metric family; "" where it says nothing."""

    type: str = ""
    help: str = ""
    unit: str = ""


class Counts(NamedTuple):
    """Samples on the page, samples stored, series not seen in the scrape before."""

    scraped: int = 0
    stored: int = 0
    added: int = 0


class Recorder:
    """One target's series. `metadata` is by metric family."""

    def __init__(self, labels: Labels, job: ScrapeConfig, appender: Appender) -> None:
        self.metadata: dict[str, Metadata] = {}
        self._labels, self._job, self._appender = dict(labels), job, appender
        self._limits: Limits = limits_of(job)
        self._references: dict[str, int] = {}
        self._live: set[int] = set()
        self._tracked: set[int] = set()
        self._comments: set[str] = set()
        self._met: set[int] = set()
        self._met_since = 0
        self._report: list[int] = []

    def record(self, text: str, time: int, *, openmetrics: bool = False) -> Counts:
        """Store one page as of `time` (milliseconds). Raises ValueError for a refused page; of it nothing is stored."""
        if time - self._met_since > HOUR:
            self._met, self._met_since = set(self._live), time
        page = read_page(text, self._references, self._comments, openmetrics=openmetrics)
        references, values = list(page.known), list(page.values)
        stamped: dict[int, list[tuple[int, float]]] = {}
        for sample in page.others:
            reference = self._reference(sample)
            if sample.time is None or not self._job.honor_timestamps:
                references.append(reference)
                values.append(sample.value)
            elif sample.time <= time + FUTURE and reference != DROPPED:
                stamped.setdefault(sample.time, []).append((reference, sample.value))
        scraped = len(page.known) + len(page.others)
        references, values = _once(references, values)
        stored = len(references) + sum(map(len, stamped.values()))
        if stored > self._limits.samples:
            raise LimitError(f"{stored} samples; at most {self._limits.samples} are taken from one target")
        self._learn(page.comments)
        self._appender.append(time, references, values)
        for stamp in sorted(stamped):
            pairs = dict(reversed(stamped[stamp]))
            self._appender.append(stamp, list(pairs), list(pairs.values()))
        tracked = set(references)
        live = tracked.union(*({reference for reference, _ in pairs} for pairs in stamped.values()))
        added = len(live - self._live)
        self._let_go(tracked | live if self._job.track_timestamps_staleness else tracked, live, time)
        return Counts(scraped, stored, added)

    def lose(self, time: int) -> None:
        """The target could not be read: its series end at `time`."""
        self._let_go(set(), set(), time)
        self._references.clear()  # the store may forget series that get no samples

    def report(self, time: int, *, up: bool, seconds: float, counts: Counts) -> None:
        """Store `up` and what the scrape cost."""
        if not self._report:
            self._report = [self._appender.reference(self._named(name)) for name in REPORT]
        values = [float(up), seconds, float(counts.scraped), float(counts.stored), float(counts.added)]
        self._appender.append(time, self._report, values)

    def end(self, time: int) -> None:
        """The target is gone: all its series end at `time`, those of the report too."""
        self.lose(time)
        self._mark(time, self._report)

    def succeed(self, other: Recorder) -> None:
        """Take over the series of the same target under an older configuration: those not seen again will end."""
        self._tracked, self._live, self.metadata = other._tracked, other._live, other.metadata

    def _let_go(self, tracked: set[int], live: set[int], time: int) -> None:
        self._mark(time, self._tracked - tracked)
        gone = self._live - live
        if gone:
            self._references = {text: known for text, known in self._references.items() if known not in gone}
        elif len(self._references) > 2 * len(live) + 1000:  # texts of dropped series, or other spellings
            self._references = {text: known for text, known in self._references.items() if known in live}
        self._tracked, self._live = tracked, live

    def _mark(self, time: int, references: Collection[int]) -> None:
        if references:
            self._appender.append(time, list(references), [STALE_NAN] * len(references))

    def _reference(self, sample: Sample) -> int:
        known = self._references.get(sample.series)
        if known is None:
            labels = self._stored_labels(labels_of(sample.series))
            known = DROPPED if labels is None else self._meet(self._appender.reference(labels))
            self._references[sample.series] = known
        return known

    def _meet(self, reference: int) -> int:
        if len(self._met) >= self._limits.new_series and reference not in self._met:
            raise LimitError(
                f"more than {self._limits.new_series} different series within an hour: is a label an id or a time?"
            )
        self._met.add(reference)
        return reference

    def _stored_labels(self, scraped: Labels) -> Labels | None:
        """The series' labels with the target's, after metric relabelling; None where that drops it."""
        labels = dict(scraped)
        if self._job.honor_labels:
            labels = {**self._labels, **labels}
        else:
            for name, value in self._labels.items():
                if name in labels:
                    exported = "exported_" + name
                    while exported in labels or exported in self._labels:
                        exported = "exported_" + exported
                    labels[exported] = labels[name]
                labels[name] = value
        if self._job.metric_relabel_configs:
            relabelled = relabel(labels, self._job.metric_relabel_configs)
            if relabelled is None:
                return None
            labels = {name: value for name, value in relabelled.items() if value}
        if not labels.get("__name__"):
            raise ValueError("metric relabelling left a series without a name")
        self._check(labels)
        return tuple(sorted(labels.items()))

    def _check(self, labels: dict[str, str]) -> None:
        limits = self._limits
        where = labels["__name__"][:60]
        if len(labels) > limits.labels:
            raise LimitError(f"{where}: {len(labels)} labels; at most {limits.labels} are taken")
        for name, value in labels.items():
            if len(name) > limits.name_length:
                raise LimitError(f"{where}: a label's name has {len(name)} letters; at most {limits.name_length}")
            if len(value) > limits.value_length:
                raise LimitError(f"{where}: label {name} has {len(value)} letters; at most {limits.value_length}")

    def _learn(self, comments: Sequence[str]) -> None:
        if len(self._comments) > 3 * FAMILIES:  # a target that says something else each time
            self._comments.clear()
        for line in comments:
            self._comments.add(line)
            comment = comment_of(line)
            if comment is not None and (comment.family in self.metadata or len(self.metadata) < FAMILIES):
                known = self.metadata.get(comment.family, Metadata())
                self.metadata[comment.family] = known._replace(**{comment.kind.lower(): comment.text})

    def _named(self, name: str) -> Labels:
        return tuple(sorted({**self._labels, "__name__": name}.items()))


def _once(references: list[int], values: list[float]) -> tuple[list[int], list[float]]:
    """Without dropped series, and of a series that came twice only the first sample."""
    unique = set(references)
    unique.discard(DROPPED)
    if len(unique) == len(references):
        return references, values
    first: dict[int, float] = {}
    for reference, value in zip(references, values, strict=True):
        if reference != DROPPED:
            first.setdefault(reference, value)
    return list(first), list(first.values())
