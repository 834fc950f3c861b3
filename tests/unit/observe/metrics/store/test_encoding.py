import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tejer.observe.metrics.series import STALE_NAN
from tejer.observe.metrics.store.encoding import (
    ABSENT_BITS,
    absent,
    bits,
    is_absent,
    pack_integers,
    pack_values,
    unpack_integers,
    unpack_values,
)


@given(arrays.arrays(np.uint64, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_every_bit_of_a_value_comes_back(patterns: np.ndarray) -> None:
    values = patterns.view(np.float64)
    assert (bits(unpack_values(pack_values(values), *values.shape)) == patterns).all()


@given(st.lists(st.integers(-(2**62), 2**62 - 1)))
def test_integers_come_back(numbers: list[int]) -> None:
    assert unpack_integers(pack_integers(numbers)).tolist() == numbers


def test_a_stale_marker_is_a_sample_and_not_absence() -> None:
    values = np.array([[STALE_NAN, np.nan, 1.0]])
    assert not is_absent(values).any()
    assert is_absent(absent(1, 2)).all()
    assert bits(unpack_values(pack_values(absent(1, 2)), 1, 2)).tolist() == [[ABSENT_BITS] * 2]


def test_damage_is_noticed() -> None:
    data = bytearray(pack_values(np.arange(200.0).reshape(10, 20)))
    data[len(data) // 2] ^= 0x55
    with pytest.raises(ValueError):
        unpack_values(bytes(data), 10, 20)
    with pytest.raises(ValueError, match="1600 bytes for 10 series at 19 times"):
        unpack_values(pack_values(np.arange(200.0).reshape(10, 20)), 10, 19)


def test_counters_are_small() -> None:
    counters = np.cumsum(np.random.default_rng(1).integers(0, 4, (500, 120)), axis=1).astype(float)
    assert len(pack_values(counters)) < counters.size * 1.5
    assert len(pack_values(np.full((500, 120), 7.25))) < counters.size / 15
