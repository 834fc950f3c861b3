"""What is done with a request before anybody is asked."""

from __future__ import annotations

import pytest

from tejer.observe.access.decide import (
    MAX_TOKEN,
    Allow,
    Asked,
    AskToken,
    AskUser,
    Refuse,
    Rules,
    decide,
    local_path,
)
from tejer.observe.access.sessions import Session, Who

JANE = Session(Who("jane", ("dev",)), "csrf-of-jane")
POD = Rules(exempt=("/-/healthy", "/static/"), reading=("/api/v1/query",))
HAND = Rules(open_on_loopback=True)


@pytest.mark.parametrize("path", ["/-/healthy", "/static/lib/ui.js"])
def test_exempt_paths_need_nobody(path: str) -> None:
    assert decide(Asked("GET", path), POD) == Allow()


@pytest.mark.parametrize("path", ["/-/healthyish", "/static", "/api/v1/query", "/"])
def test_others_need_somebody(path: str) -> None:
    step = decide(Asked("GET", path), POD)
    assert isinstance(step, Refuse)
    assert step.status == 401


@pytest.mark.parametrize(
    ("method", "path", "verb"),
    [
        ("GET", "/a", "get"), ("HEAD", "/a", "get"), ("POST", "/a", "create"), ("PUT", "/a", "update"),
        ("PATCH", "/a", "patch"), ("DELETE", "/a", "delete"), ("POST", "/api/v1/query", "get"),
    ],
)  # fmt: skip
def test_the_verb_that_rbac_is_asked_about(method: str, path: str, verb: str) -> None:
    assert decide(Asked(method, path, authorization="bearer  t0k "), POD) == AskToken("t0k", verb)


def test_a_token_wins_over_a_session() -> None:
    assert decide(Asked("GET", "/a", authorization="Bearer t", session=JANE), POD) == AskToken("t", "get")


@pytest.mark.parametrize("authorization", ["", "Basic amFuZTpwdw==", "Bearer", "Bearer  "])
def test_other_authorizations_are_nobody(authorization: str) -> None:
    step = decide(Asked("GET", "/a", authorization=authorization), POD)
    assert isinstance(step, Refuse)
    assert step.status == 401


def test_a_token_without_end_is_not_sent_on() -> None:
    step = decide(Asked("GET", "/a", authorization="Bearer " + "x" * (MAX_TOKEN + 1)), POD)
    assert isinstance(step, Refuse)
    assert step.status == 431


@pytest.mark.parametrize("csrf", ["", "csrf-of-john"])
def test_a_session_changes_nothing_without_its_csrf_token(csrf: str) -> None:
    step = decide(Asked("DELETE", "/a", csrf=csrf, session=JANE), POD)
    assert isinstance(step, Refuse)
    assert step.status == 403
    assert JANE.csrf not in step.why
    assert decide(Asked("DELETE", "/a", csrf=JANE.csrf, session=JANE), POD) == AskUser(JANE.who, "delete")
    assert decide(Asked("GET", "/a", session=JANE), POD) == AskUser(JANE.who, "get")


def test_reading_by_post_needs_the_csrf_token_too() -> None:
    assert isinstance(decide(Asked("POST", "/api/v1/query", session=JANE), POD), Refuse)


@pytest.mark.parametrize("host", ["localhost:9090", "127.0.0.1:9090", "[::1]:9090", "localhost"])
def test_run_by_hand_this_machine_is_let_in(host: str) -> None:
    assert decide(Asked("GET", "/a", host=host), HAND) == Allow()


@pytest.mark.parametrize("host", ["evil.example:9090", "", "localhost.evil.example", "127.0.0.1.evil.example:1"])
def test_run_by_hand_other_names_for_this_machine_are_refused(host: str) -> None:
    assert isinstance(decide(Asked("GET", "/a", host=host), HAND), Refuse)


def test_run_by_hand_other_pages_change_nothing() -> None:
    host = "localhost:9090"
    for origin in ("http://evil.example", "http://localhost:3000", "null"):
        assert isinstance(decide(Asked("POST", "/a", host=host, origin=origin), HAND), Refuse)
    assert decide(Asked("POST", "/a", host=host, origin=f"http://{host}"), HAND) == Allow()


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "", "/a\nb", "/\t/evil.example"]
)
def test_a_login_never_leads_elsewhere(wanted: str) -> None:
    assert local_path(wanted) == "/"


def test_a_login_leads_back() -> None:
    assert local_path("/graph?g0.expr=up&x=//y") == "/graph?g0.expr=up&x=//y"
