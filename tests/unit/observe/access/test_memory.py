"""Sessions, codes, the throttle and the dict that forgets: bounds and times."""

from __future__ import annotations

from tejer.observe.access.expiring import Expiring
from tejer.observe.access.sessions import CODE_SECONDS, SESSION_SECONDS, Codes, Sessions, Who
from tejer.observe.access.throttle import BURST, SECONDS_EACH, Throttle

JANE = Who("jane", ("dev",))


def test_an_expiring_dict_forgets_by_age_and_by_number() -> None:
    kept: Expiring[str, int] = Expiring(2)
    kept.put("a", 1, until=10)
    assert kept.get("a", 9.9) == 1
    assert kept.get("a", 10) is None
    assert len(kept) == 0
    for name in "abc":
        kept.put(name, 1, until=10)
    assert [kept.get(name, 0) for name in "abc"] == [None, 1, 1]


def test_a_session_lasts_no_longer_than_told() -> None:
    sessions = Sessions()
    long, short = sessions.open(JANE, 0), sessions.open(JANE, 0, seconds=60)
    assert sessions.find(long, SESSION_SECONDS - 1) is not None
    assert sessions.find(long, SESSION_SECONDS) is None
    assert sessions.find(short, 61) is None
    assert sessions.find("", 0) is None


def test_sessions_are_told_apart_and_closed() -> None:
    sessions = Sessions()
    one, other = sessions.open(JANE, 0), sessions.open(Who("john"), 0)
    first, second = sessions.find(one, 0), sessions.find(other, 0)
    assert first is not None
    assert second is not None
    assert (first.who, second.who) == (JANE, Who("john"))
    assert first.csrf != second.csrf
    sessions.close(one, 0)
    assert sessions.find(one, 0) is None
    assert sessions.find(other, 0) is not None


def test_the_oldest_session_goes_when_there_are_too_many() -> None:
    sessions = Sessions(limit=2)
    secrets = [sessions.open(JANE, 0) for _ in range(3)]
    assert [sessions.find(secret, 0) is not None for secret in secrets] == [False, True, True]


def test_secrets_are_not_kept() -> None:
    sessions, codes = Sessions(), Codes()
    secret, code = sessions.open(JANE, 0), codes.mint(JANE, 0)
    assert secret not in repr(vars(sessions._open))
    assert code not in repr(vars(codes._minted))


def test_a_code_is_good_once_and_not_for_long() -> None:
    codes = Codes()
    code, late = codes.mint(JANE, 0), codes.mint(JANE, 0)
    assert codes.redeem(code, 1) == JANE
    assert codes.redeem(code, 1) is None
    assert codes.redeem(late, CODE_SECONDS) is None
    assert codes.redeem("", 0) is None


def test_a_few_failures_are_free_and_then_each_costs_time() -> None:
    throttle = Throttle()
    for _ in range(BURST):
        assert throttle.wait("1.2.3.4", 0) == 0
        throttle.failed("1.2.3.4", 0)
    seconds = throttle.wait("1.2.3.4", 0)
    assert 0 < seconds <= SECONDS_EACH
    assert throttle.wait("1.2.3.4", seconds) == 0
    assert throttle.wait("5.6.7.8", 0) == 0
    throttle.failed("1.2.3.4", seconds)
    assert throttle.wait("1.2.3.4", seconds) > 0


def test_the_throttle_remembers_a_bounded_number_of_addresses() -> None:
    throttle = Throttle(limit=3)
    for number in range(10):
        throttle.failed(str(number), 0)
    assert len(throttle._full_at) == 3
