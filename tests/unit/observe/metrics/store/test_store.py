import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tejer.observe.metrics.series import STALE_NAN, Matcher
from tejer.observe.metrics.store import files, group
from tejer.observe.metrics.store.store import Store
from tests.unit.observe.metrics.store.filling import BASE, EVER, STALE, STEP, labels_of, put, samples

DAY = 86_400_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path, 15 * DAY)
    yield store
    store.close()


def test_samples_come_back(store: Store) -> None:
    put(store, BASE, {"a": 1.0, "b": 2.0})
    put(store, BASE + STEP, {"a": 3.0})
    put(store, BASE + STEP, {"b": STALE_NAN})
    assert samples(store) == {"a": {BASE: 1.0, BASE + STEP: 3.0}, "b": {BASE: 2.0, BASE + STEP: STALE}}
    assert samples(store, Matcher("__name__", "=", "a"), start=BASE + 1) == {"a": {BASE + STEP: 3.0}}
    assert samples(store, end=BASE) == {"a": {BASE: 1.0}, "b": {BASE: 2.0}}
    assert store.series([], *EVER) == [labels_of("a"), labels_of("b")]


def test_series_of_one_append_are_one_block(store: Store) -> None:
    put(store, BASE, {"a": 1.0, "b": 2.0})
    put(store, BASE + 7, {"other": 1.0})
    assert [len(block.labels) for block in store.select([], *EVER)] == [2, 1]


def test_a_stale_marker_at_the_time_that_filled_the_array(store: Store) -> None:
    last = BASE + group.MOST_COLUMNS * STEP
    put(store, BASE + STEP, {"a": 1.0, "b": 1.0})
    for time in range(BASE + 2 * STEP, last + 1, STEP):
        put(store, time, {"a": 1.0})
    put(store, last, {"b": STALE_NAN})
    put(store, last + STEP, {"a": 1.0, "b": 2.0})
    assert samples(store)["b"] == {BASE + STEP: 1.0, last: STALE, last + STEP: 2.0}


def test_an_unknown_reference_is_refused(store: Store) -> None:
    reference = store.reference(labels_of("a"))
    with pytest.raises(ValueError, match="unknown or forgotten"):
        store.append(BASE, [reference, 17], [1.0, 2.0])
    assert samples(store) == {}


_APPENDS = st.lists(
    st.tuples(
        st.integers(0, 8),
        st.dictionaries(st.sampled_from("abcdef"), st.floats(allow_nan=False), min_size=1),
        st.sampled_from(["", "", "", "reopen", "window"]),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=25, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(_APPENDS)
def test_any_history_is_kept_over_seals_restarts_and_blocks(appends: list[tuple[int, dict[str, float], str]]) -> None:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(group, "MOST_COLUMNS", 3)
        store = Store(Path(directory), 365 * DAY)
        time, wanted = BASE, dict[str, dict[int, float | str]]()
        for later, values, event in appends:
            if event == "reopen":
                store.close()
                store = Store(Path(directory), 365 * DAY)
            time += later * STEP + (files.WINDOW_MS if event == "window" else 0)
            put(store, time, values)
            for name, value in values.items():
                wanted.setdefault(name, {}).setdefault(time, value)
        assert samples(store) == wanted
        assert {dict(labels)["__name__"] for labels in store.series([], *EVER)} == wanted.keys()
        store.close()


def test_old_blocks_go_by_age(tmp_path: Path) -> None:
    store = Store(tmp_path, 2 * files.WINDOW_MS)
    for k in range(6):
        put(store, BASE + k * files.WINDOW_MS, {"a": float(k)})
    held = samples(store)["a"]
    assert min(held) >= BASE + 2 * files.WINDOW_MS
    assert max(held.values()) == 5.0
    assert len(list(tmp_path.glob("*.db"))) == len(held)
    store.close()


def test_old_blocks_go_by_size(tmp_path: Path) -> None:
    store = Store(tmp_path, 365 * DAY, 1_000_000)
    for k in range(40):
        for j in range(3):
            put(store, BASE + k * files.WINDOW_MS + j * STEP, {f"m{i}": float(i * k) for i in range(100)})
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1_000_000
    held = samples(store)["m1"]
    assert BASE not in held
    assert BASE + 39 * files.WINDOW_MS in held
    store.close()


def test_a_clock_that_jumps_ahead_deletes_nothing_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path, DAY)
    put(store, BASE, {"a": 1.0})
    put(store, BASE + 400 * DAY, {"a": 2.0})
    assert samples(store)["a"] == {BASE: 1.0, BASE + 400 * DAY: 2.0}
    put(store, BASE + STEP, {"b": 3.0})
    assert samples(store)["b"] == {BASE + STEP: 3.0}
    store.close()


def test_series_without_samples_are_forgotten_with_their_block(tmp_path: Path) -> None:
    store = Store(tmp_path, 15 * DAY)
    put(store, BASE, {"gone": 1.0, "stays": 1.0})
    for k in range(1, 4):
        put(store, BASE + k * files.WINDOW_MS, {"stays": 1.0})
    assert store.head_stats()["numSeries"] == 1
    assert samples(store)["gone"] == {BASE: 1.0}
    assert store.series([], BASE + 3 * files.WINDOW_MS, EVER[1]) == [labels_of("stays")]
    put(store, BASE + 3 * files.WINDOW_MS + STEP, {"gone": 2.0})
    assert samples(store)["gone"] == {BASE: 1.0, BASE + 3 * files.WINDOW_MS + STEP: 2.0}
    store.close()


def test_what_it_says_of_itself(store: Store) -> None:
    put(store, BASE, {"a": 1.0, "b": 1.0})
    put(store, BASE + STEP, {"a": 1.0})
    assert store.head_stats() == {
        "numSeries": 2, "numLabelPairs": 2, "chunkCount": 1, "minTime": BASE, "maxTime": BASE + STEP,
    }  # fmt: skip
    assert store.cardinality(1)["seriesCountByMetricName"] == [("a", 1)]
    assert store.problems() == []


def test_queries_run_beside_appends_seals_and_new_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "MOST_COLUMNS", 3)
    monkeypatch.setattr(files, "WINDOW_MS", 10 * STEP)
    store = Store(tmp_path, 15 * DAY)
    put(store, BASE, {"a": 0.0})
    done = threading.Event()

    def ask() -> int:
        asked = 0
        while not done.is_set() or not asked:
            held = samples(store, Matcher("__name__", "=~", "a|b.*"))["a"]
            assert held == {BASE + k * STEP: float(k) for k in range(len(held))}, "a gap, or a value of another time"
            assert store.series([Matcher("__name__", "=", "a")], *EVER) == [labels_of("a")]
            asked += 1
        return asked

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        for k in range(1, 80):
            put(store, BASE + k * STEP, {"a": float(k), f"b{k}": 1.0})
        done.set()
        assert all(each.result() for each in asking)
    assert store.problems() == []
    store.close()
