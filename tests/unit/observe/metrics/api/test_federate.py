from __future__ import annotations

from tejer.observe.metrics.api.federate import federated
from tejer.observe.metrics.scrape.exposition import labels_of, read_page
from tejer.observe.metrics.series import STALE_NAN, Matcher
from tejer.observe.metrics.store.fixed import FixedStore

NOW = 1_700_000_000_000
STORE = FixedStore(
    [
        ((("__name__", "up"), ("instance", "a:1")), [(NOW - 60_000, 0.0), (NOW - 1000, 1.0)]),
        ((("__name__", "up"), ("instance", "b:1")), [(NOW - 1000, STALE_NAN)]),
        ((("__name__", "up"), ("instance", "c:1")), [(NOW - 400_000, 1.0)]),
        ((("__name__", "big"), ("path", 'x"\\y\n')), [(NOW - 2000, float("inf"))]),
    ]
)


def test_the_newest_samples_with_their_times() -> None:
    text = federated(
        STORE, [[Matcher("__name__", "=~", "up|big")], [Matcher("__name__", "=", "up")]], {"env": "x"}, NOW
    )
    assert text == (
        '# TYPE big untyped\nbig{env="x",instance="",path="x\\"\\\\y\\n"} inf 1699999998000\n'.replace("inf", "Inf")
        + "# TYPE up untyped\n"
        'up{env="x",instance="a:1"} 1 1699999999000\n'
    )
    samples = read_page(text, {}, set()).others
    assert dict(labels_of(samples[0].series))["path"] == 'x"\\y\n', "and our own scraper reads it"


def test_nothing_asked_is_nothing() -> None:
    assert federated(STORE, [], {}, NOW) == ""
    assert federated(STORE, [[Matcher("__name__", "=", "none")]], {}, NOW) == ""
