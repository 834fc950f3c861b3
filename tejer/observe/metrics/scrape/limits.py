"""What a target may send at most. 0 in a job means these; what a job sets, lower or higher, counts instead."""

from __future__ import annotations

from typing import NamedTuple

from tejer.observe.metrics.config import ScrapeConfig

BODY_BYTES = 64 * 1024 * 1024
SAMPLES = 100_000
LABELS = 128
NAME_LENGTH = 1024
VALUE_LENGTH = 16 * 1024
TARGETS = 20_000
FAMILIES = 20_000
"""Metric families of one target whose help and type are kept."""


class Limits(NamedTuple):
    """`samples` counts what is left after metric relabelling, the others what is stored of each series.

    `new_series` are those that one target may bring within an hour: a label that never repeats (an id, a time) would
    fill memory with series of one sample each.
    """

    body: int
    samples: int
    new_series: int
    labels: int
    name_length: int
    value_length: int
    targets: int


def limits_of(job: ScrapeConfig) -> Limits:
    samples = job.sample_limit or SAMPLES
    return Limits(
        body=job.body_size_limit or BODY_BYTES,
        samples=samples,
        new_series=2 * samples,
        labels=job.label_limit or LABELS,
        name_length=job.label_name_length_limit or NAME_LENGTH,
        value_length=job.label_value_length_limit or VALUE_LENGTH,
        targets=job.target_limit or TARGETS,
    )
