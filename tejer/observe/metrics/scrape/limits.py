"""What a target may send at most. A job's own limits may be lower; 0 in a job means these."""

from __future__ import annotations

from typing import NamedTuple

from tejer.observe.metrics.config import ScrapeConfig

BODY_BYTES = 64 * 1024 * 1024
SAMPLES = 500_000
LABELS = 128
NAME_LENGTH = 1024
VALUE_LENGTH = 16 * 1024
TARGETS = 20_000
FAMILIES = 20_000
"""Metric families of one target whose help and type are kept."""


class Limits(NamedTuple):
    """`samples` counts what is left after metric relabelling, the others what is stored of each series."""

    body: int
    samples: int
    labels: int
    name_length: int
    value_length: int
    targets: int


def limits_of(job: ScrapeConfig) -> Limits:
    def lower(configured: int, ceiling: int) -> int:
        return min(configured, ceiling) if configured > 0 else ceiling

    return Limits(
        lower(job.body_size_limit, BODY_BYTES), lower(job.sample_limit, SAMPLES), lower(job.label_limit, LABELS),
        lower(job.label_name_length_limit, NAME_LENGTH), lower(job.label_value_length_limit, VALUE_LENGTH),
        lower(job.target_limit, TARGETS),
    )  # fmt: skip
