import numpy as np

from tejer.observe.metrics.store.encoding import Ids, is_absent
from tejer.observe.metrics.store.group import CELLS, FEWEST_COLUMNS, MOST_COLUMNS, PAGE, Group


def rows(*numbers: int) -> Ids:
    return np.array(numbers, np.int64)


def group_of(*series: int) -> Group:
    group = Group(0, -1)
    for each in series:
        group.add(each)
    return group


def test_a_late_sample_finds_its_place() -> None:
    group = group_of(7, 8)
    for time in range(0, 200, 10):
        group.put(time, rows(0), np.array([float(time)]))
    assert group.put(55, rows(1), np.array([5.5])) == 1
    assert group.times == sorted([*range(0, 200, 10), 55])
    piece = group.cut(rows(0, 1), 50, 60)
    assert piece is not None
    assert piece.ids.tolist() == [7, 8]
    assert piece.times.tolist() == [50, 55, 60]
    assert is_absent(piece.values).tolist() == [[False, True, False], [True, False, True]]
    assert piece.values[0, 2] == 60.0


def test_the_first_sample_of_a_time_stays() -> None:
    group = group_of(1, 2)
    assert group.put(10, rows(0), np.array([1.0])) == 1
    assert group.put(10, rows(0, 1), np.array([2.0, 3.0])) == 1
    assert group.values.tolist() == [[1.0], [3.0]]


def test_sealing_forgets_who_had_no_samples_and_refuses_what_is_older() -> None:
    group = group_of(1, 2, 3)
    group.put(10, rows(0, 2), np.array([1.0, 3.0]))
    (page,) = group.pages()
    assert (page.ids.tolist(), page.times.tolist(), page.values.tolist()) == ([1, 3], [10], [[1.0], [3.0]])
    assert group.clear() == [2]
    assert group.ids == [1, 3]
    assert group.put(10, rows(0), np.array([1.0])) == 0
    assert group.put(11, rows(0), np.array([1.0])) == 1


def test_pages_hold_so_many_rows() -> None:
    group = group_of(*range(PAGE + 3))
    group.put(1, np.arange(PAGE + 3), np.arange(PAGE + 3.0))
    assert [len(page.ids) for page in group.pages()] == [PAGE, 3]


def test_it_is_full_by_size_but_not_before_a_few_times() -> None:
    small, large = group_of(1), group_of(*range(CELLS))
    for time in range(MOST_COLUMNS):
        assert not small.full
        small.put(time, rows(0), np.zeros(1))
        if time < FEWEST_COLUMNS:
            assert not large.full
            large.put(time, rows(0), np.zeros(1))
    assert small.full
    assert large.full
