"""The arithmetic of rolling updates; numbers of the first three tests are Kubernetes' own test cases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tejer.cluster.controllers.rollout import Limits, Sizes, limits, new_replicas, old_replicas, proportional


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (10, "25%", "25%", (3, 2)),
        (1, "25%", "25%", (1, 0)),
        (3, 0, 0, (0, 1)),
        (2, 1, 5, (1, 2)),
        (4, "0%", "0%", (0, 1)),
    ],
)
def test_percentages(replicas: int, surge: int | str, unavailable: int | str, expected: tuple[int, int]) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    found = limits(replicas, strategy)
    assert (found.surge, found.unavailable) == expected


@pytest.mark.parametrize(
    ("wanted", "surge", "old", "new", "expected"),
    [(10, 0, 10, 0, 0), (10, 2, 10, 0, 2), (10, 2, 5, 0, 7), (10, 0, 10, 2, 2), (5, 0, 0, 10, 5), (10, 2, 2, 10, 10)],
)
def test_new_set_grows_into_the_room(wanted: int, surge: int, old: int, new: int, expected: int) -> None:
    bounds = Limits(replicas=wanted, surge=surge, unavailable=0)
    assert new_replicas(Sizes(name="new", replicas=new), [Sizes(name="old", replicas=old)], bounds) == expected


@pytest.mark.parametrize(
    ("new", "ready_new", "old", "ready_old", "expected"),
    [
        (0, 0, 10, 10, 8),  # two may be unavailable: drop two
        (0, 0, 10, 0, 8),  # unhealthy ones go first, within the bound
        (4, 4, 10, 10, 4),
        (4, 0, 10, 10, 8),  # the new ones do not count before they are ready
        (10, 10, 2, 2, 0),
    ],
)
def test_old_sets_shrink_within_the_bound(new: int, ready_new: int, old: int, ready_old: int, expected: int) -> None:
    bounds = Limits(replicas=10, surge=2 if new else 0, unavailable=2)
    sizes = old_replicas(
        Sizes(name="new", replicas=new, available=ready_new),
        [Sizes(name="old", replicas=old, available=ready_old)],
        bounds,
    )
    assert sizes.get("old", old) == expected


def test_scaling_in_the_middle_of_a_rollout_keeps_the_shares() -> None:
    sets = [Sizes(name="old", replicas=6, maximum=12), Sizes(name="new", replicas=6, maximum=12)]
    assert proportional(sets, Limits(replicas=20, surge=4, unavailable=0)) == {"old": 12, "new": 12}
    assert proportional(sets, Limits(replicas=0, surge=0, unavailable=0)) == {"old": 0, "new": 0}


SMALL = st.integers(min_value=0, max_value=12)


@given(SMALL, SMALL, SMALL, st.lists(SMALL, max_size=3), st.data())
def test_a_rollout_ends_and_never_leaves_its_bounds(
    replicas: int, surge: int, unavailable: int, olds: list[int], data: st.DataObject
) -> None:
    """From any sizes within the bounds: every pod that is made becomes ready at some time, then all is new."""
    if not surge and not unavailable:
        unavailable = 1
    bounds = Limits(replicas=replicas, surge=surge, unavailable=min(unavailable, replicas))
    sizes = {f"old{number}": size for number, size in enumerate(olds)}
    if sum(sizes.values()) > replicas + surge or sum(sizes.values()) < replicas - bounds.unavailable:
        return
    new, ready = 0, 0
    for _ in range(200):
        others = [Sizes(name=name, replicas=size, available=size) for name, size in sizes.items()]
        grown = new_replicas(Sizes(name="new", replicas=new, available=ready), others, bounds)
        if grown != new:
            new = grown
        else:
            sizes |= old_replicas(Sizes(name="new", replicas=new, available=ready), others, bounds)
        ready = min(new, ready + data.draw(st.integers(0, 3))) if data.draw(st.booleans()) else new
        assert new + sum(sizes.values()) <= max(replicas + surge, replicas)
        assert ready + sum(sizes.values()) >= replicas - bounds.unavailable
        if new == ready == replicas and not any(sizes.values()):
            return
    raise AssertionError(f"still not done: new {new}, old {sizes}")
