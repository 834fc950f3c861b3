import pytest

from tejer.istiod.translate.retry import DEFAULT_RETRY_ON, parse_retry_on, retry_policy
from tejer.kube.kinds.istio_networking import HTTPRetry


@pytest.mark.parametrize(
    ("text", "conditions", "codes"),
    [
        ("5xx", "5xx", []),
        ("503", "retriable-status-codes", [503]),
        (" 5xx , 503,502, reset,5xx", "5xx,reset,retriable-status-codes", [503, 502]),
        ("", "", []),
    ],
)
def test_status_codes_among_conditions(text: str, conditions: str, codes: list[int]) -> None:
    assert parse_retry_on(text) == (conditions, codes)


def test_two_attempts_by_default_and_not_at_the_same_host() -> None:
    policy = retry_policy(None, None, hashed=False)
    assert policy is not None
    assert (policy.num_retries.value, policy.retry_on) == (2, DEFAULT_RETRY_ON)
    assert len(policy.retry_host_predicate) == 1
    assert list(policy.retriable_status_codes) == []


def test_hashing_keeps_to_the_host() -> None:
    policy = retry_policy(None, None, hashed=True)
    assert policy is not None
    assert list(policy.retry_host_predicate) == []


def test_the_routes_block_replaces_the_meshs() -> None:
    mesh = HTTPRetry(attempts=7, retry_on="reset")
    of_mesh, of_route = retry_policy(None, mesh, hashed=False), retry_policy(HTTPRetry(attempts=1), mesh, hashed=False)
    assert of_mesh is not None
    assert of_route is not None
    assert (of_mesh.num_retries.value, of_mesh.retry_on) == (7, "reset")
    assert (of_route.num_retries.value, of_route.retry_on) == (1, DEFAULT_RETRY_ON)


def test_no_attempts_is_no_policy() -> None:
    assert retry_policy(HTTPRetry(attempts=0), None, hashed=False) is None
