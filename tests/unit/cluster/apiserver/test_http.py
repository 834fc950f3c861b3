"""The HTTP door: TLS, identities, pages, watch streams, and what happens to bad input."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tejer.kube.resource import Body
from tejer.kube.types import CONFIGMAPS as CONFIGMAP_TYPE
from tests.e2e.apiserver import ADMIN_TOKEN, Authority, RunningServer, running_server

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("apiserver")) as running:
        yield running


def connect(server: RunningServer, *, token: str = "", user: str = "", groups: tuple[str, ...] = ()) -> httpx.Client:
    context = ssl.create_default_context(cafile=server.authority.ca)
    if user:
        context.load_cert_chain(*server.authority.issue(user, groups))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=server.url, verify=context, headers=headers, timeout=20)


@pytest.fixture(scope="module")
def admin(server: RunningServer) -> Iterator[httpx.Client]:
    with connect(server, token=ADMIN_TOKEN) as client:
        yield client


def configmap(name: str, **data: str) -> Body:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def lines(response: httpx.Response, count: int) -> list[Body]:
    seen: list[Body] = []
    for line in response.iter_lines():
        seen.append(json.loads(line))
        if len(seen) == count:
            break
    return seen


# -- who is calling


def test_without_credentials_only_public_paths_answer(server: RunningServer) -> None:
    with connect(server) as nobody:
        assert nobody.get("/version").json()["minor"] == "33"
        assert nobody.get("/readyz").text == "ok"
        refused = nobody.get("/api/v1/pods")
        assert refused.status_code == 403
        assert 'User "system:anonymous" cannot list resource "pods"' in refused.json()["message"]


def test_a_wrong_token_is_unauthorized(server: RunningServer) -> None:
    with connect(server, token="wrong") as nobody:
        refused = nobody.get("/version")
        assert refused.status_code == 401 and refused.json()["reason"] == "Unauthorized"


def test_a_client_certificate_names_user_and_groups(server: RunningServer) -> None:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    with connect(server, user="ann", groups=("dev", "ops")) as ann:
        said = ann.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json=review).json()
    assert said["status"]["userInfo"] == {"username": "ann", "groups": ["dev", "ops", "system:authenticated"]}


def test_a_certificate_of_another_authority_is_refused(server: RunningServer, tmp_path: Path) -> None:
    context = ssl.create_default_context(cafile=server.authority.ca)
    context.load_cert_chain(*Authority(tmp_path).issue("admin", ("system:masters",)))
    with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
        httpx.get(f"{server.url}/api/v1/pods", verify=context)


def make_account(admin: httpx.Client, name: str) -> None:
    admin.post("/api/v1/namespaces/default/serviceaccounts", json={"metadata": {"name": name}}).raise_for_status()


def make_token(admin: httpx.Client, name: str, **spec: object) -> str:
    answer = admin.post(f"/api/v1/namespaces/default/serviceaccounts/{name}/token", json={"spec": spec})
    return str(answer.raise_for_status().json()["status"]["token"])


def review(admin: httpx.Client, token: str, *audiences: str) -> Any:
    body = {"spec": {"token": token, "audiences": list(audiences)}}
    return admin.post("/apis/authentication.k8s.io/v1/tokenreviews", json=body).json()["status"]


def test_a_token_is_good_for_its_audience_only(server: RunningServer, admin: httpx.Client) -> None:
    make_account(admin, "bot")
    token = make_token(admin, "bot", audiences=["istio-ca"], expirationSeconds=600)
    assert review(admin, token)["authenticated"] is False
    said = review(admin, token, "istio-ca", "other")
    assert said["authenticated"] is True and said["audiences"] == ["istio-ca"]
    assert said["user"]["username"] == "system:serviceaccount:default:bot"
    assert "system:serviceaccounts:default" in said["user"]["groups"]
    with connect(server, token=token) as bot:
        assert bot.get("/version").status_code == 401
    with connect(server, token=make_token(admin, "bot")) as bot:
        assert bot.get("/version").status_code == 200


def test_a_pods_token_dies_with_the_pod(admin: httpx.Client) -> None:
    make_account(admin, "runner")
    pod = {
        "metadata": {"name": "p"},
        "spec": {"serviceAccountName": "runner", "containers": [{"name": "c", "image": "i"}], "nodeName": "n"},
    }
    uid = admin.post("/api/v1/namespaces/default/pods", json=pod).raise_for_status().json()["metadata"]["uid"]
    token = make_token(admin, "runner", boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": uid})
    extra = review(admin, token)["user"]["extra"]
    assert extra["authentication.kubernetes.io/pod-name"] == ["p"]
    assert extra["authentication.kubernetes.io/pod-uid"] == [uid]
    admin.delete("/api/v1/namespaces/default/pods/p?gracePeriodSeconds=0").raise_for_status()
    assert review(admin, token)["authenticated"] is False
    other = {"spec": {"boundObjectRef": {"kind": "Pod", "name": "p"}}}
    refused = admin.post("/api/v1/namespaces/default/serviceaccounts/runner/token", json=other)
    assert refused.status_code == 400


def test_rights_in_one_namespace_reach_no_other_through_its_path(server: RunningServer, admin: httpx.Client) -> None:
    group = "rbac.authorization.k8s.io"
    for name in ("mine", "theirs"):
        admin.post("/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
    binding = {
        "metadata": {"name": "all"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "owner"}],
    }
    admin.post(f"/apis/{group}/v1/namespaces/mine/rolebindings", json=binding).raise_for_status()
    with connect(server, user="owner") as owner:
        assert owner.get("/api/v1/namespaces/mine").status_code == 200
        assert owner.get("/api/v1/namespaces/theirs").status_code == 403
        for method, path in (("GET", ""), ("POST", ""), ("GET", "/theirs"), ("DELETE", "/theirs")):
            asked = owner.request(method, f"/api/v1/namespaces/mine/namespaces{path}", json={})
            assert asked.status_code == 404, (method, path)


def test_access_reviews(admin: httpx.Client) -> None:
    asked = {"user": "ann", "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    assert admin.post(path, json={"spec": asked}).json()["status"]["allowed"] is False
    assert admin.post(path, json={"spec": {**asked, "groups": ["system:masters"]}}).json()["status"]["allowed"] is True
    assert admin.post(path, json={"spec": {}}).status_code == 422


def test_impersonating_an_account_needs_the_right_to_that_account(admin: httpx.Client, server: RunningServer) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    rule = {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"], "resourceNames": ["bot"]}
    meta = {"name": "stands-in", "namespace": "default"}
    role: Body = {"metadata": meta, "rules": [rule]}
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "ann"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "stands-in"}
    binding: Body = {"metadata": meta, "roleRef": reference, "subjects": [subject]}
    for kind, body in (("roles", role), ("rolebindings", binding)):
        assert admin.post(f"{rbac}/namespaces/default/{kind}", json=body).status_code == 201
    review = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    with connect(server, user="ann") as ann:
        answers = {
            name: ann.post(review, json={}, headers={"Impersonate-User": f"system:serviceaccount:{name}"})
            for name in ("default:bot", "default:other", "kube-system:bot")
        }
    assert answers["default:bot"].json()["status"]["userInfo"]["username"] == "system:serviceaccount:default:bot"
    for name in ("default:other", "kube-system:bot"):
        assert answers[name].status_code == 403, name
        assert 'cannot impersonate resource "serviceaccounts"' in answers[name].json()["message"]


# -- bad input


@pytest.mark.parametrize("data", [b"{", b'{"metadata": {"name": "\xff"}}', b"[]", b"nonsense"])
def test_an_unreadable_body_is_a_bad_request(admin: httpx.Client, data: bytes) -> None:
    answer = admin.post(CONFIGMAPS, content=data, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and answer.json()["kind"] == "Status"


def test_a_huge_object_is_refused(admin: httpx.Client) -> None:
    answer = admin.post(CONFIGMAPS, json=configmap("big", x="x" * (3 * 1024 * 1024)))
    assert answer.status_code == 413 and answer.json()["reason"] == "RequestEntityTooLarge"
    assert admin.get(f"{CONFIGMAPS}/big").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/apis/example.com/v1/things", 404),
        ("GET", "/nothing", 404),
        ("GET", "/api/v1/namespaces/default/configmaps/x/status", 404),
        ("POST", "/api/v1/configmaps", 405),
        ("PUT", "/api/v1/namespaces/default/configmaps", 405),
        ("GET", "/apis/authentication.k8s.io/v1/tokenreviews", 405),
        ("GET", f"{CONFIGMAPS}?limit=many", 400),
        ("GET", f"{CONFIGMAPS}?continue=nonsense", 400),
        ("GET", f"{CONFIGMAPS}?resourceVersion=x", 400),
        ("GET", f"{CONFIGMAPS}?resourceVersion=99999999", 504),
        ("GET", f"{CONFIGMAPS}?fieldSelector=data.x=1", 400),
        ("POST", f"{CONFIGMAPS}?dryRun=Some", 400),
        ("POST", f"{CONFIGMAPS}?fieldValidation=Maybe", 400),
        ("DELETE", f"{CONFIGMAPS}/x?propagationPolicy=Sideways", 400),
    ],
)
def test_wrong_requests(admin: httpx.Client, method: str, path: str, code: int) -> None:
    answer = admin.request(method, path, json=configmap("x") if method != "GET" else None)
    assert answer.status_code == code, answer.text
    assert answer.json()["code"] == code and isinstance(answer.json()["details"], dict)


def test_a_client_that_takes_no_json_is_told(admin: httpx.Client) -> None:
    assert admin.get(CONFIGMAPS, headers={"Accept": "text/html"}).status_code == 406
    assert admin.get("/version", headers={"Accept": "text/html"}).status_code == 200


def test_field_validation(admin: httpx.Client) -> None:
    wrong = {**configmap("wrong"), "colour": "red"}
    strict = admin.post(f"{CONFIGMAPS}?fieldValidation=Strict", json=wrong)
    assert strict.status_code == 400 and 'unknown field "colour"' in strict.json()["message"]
    twice = b'{"metadata": {"name": "wrong"}, "data": {"a": "1", "a": "2"}}'
    strict = admin.post(f"{CONFIGMAPS}?fieldValidation=Strict", content=twice)
    assert strict.status_code == 400 and 'duplicate field "data.a"' in strict.json()["message"]
    warned = admin.post(f"{CONFIGMAPS}?fieldValidation=Warn", json=wrong)
    assert warned.status_code == 201 and warned.headers["Warning"] == '299 - "unknown field \\"colour\\""'
    ignored = admin.put(f"{CONFIGMAPS}/wrong?fieldValidation=Ignore", json=wrong)
    assert ignored.status_code == 200 and "Warning" not in ignored.headers


def test_preconditions_of_deletions(admin: httpx.Client) -> None:
    made = admin.post(CONFIGMAPS, json=configmap("guarded")).json()
    for wrong in ({"uid": "other"}, {"resourceVersion": "1"}):
        answer = admin.request("DELETE", f"{CONFIGMAPS}/guarded", json={"preconditions": wrong})
        assert answer.status_code == 409 and "Precondition failed" in answer.json()["message"]
    dry = admin.request("DELETE", f"{CONFIGMAPS}/guarded?dryRun=All")
    assert dry.status_code == 200 and admin.get(f"{CONFIGMAPS}/guarded").status_code == 200
    right = {"preconditions": {"uid": made["metadata"]["uid"]}}
    done = admin.request("DELETE", f"{CONFIGMAPS}/guarded", json=right)
    assert done.json()["status"] == "Success" and done.json()["details"]["kind"] == "configmaps"


# -- lists


def test_pages_show_one_revision(admin: httpx.Client) -> None:
    for number in range(5):
        admin.post(
            CONFIGMAPS,
            json={**configmap(f"page-{number}"), "metadata": {"name": f"page-{number}", "labels": {"p": "1"}}},
        )
    first = admin.get(f"{CONFIGMAPS}?labelSelector=p&limit=2").json()
    admin.delete(f"{CONFIGMAPS}/page-4")
    admin.post(CONFIGMAPS, json={"metadata": {"name": "page-9", "labels": {"p": "1"}}})
    names, page = [item["metadata"]["name"] for item in first["items"]], first
    while token := page["metadata"].get("continue"):
        page = admin.get(f"{CONFIGMAPS}?labelSelector=p&limit=2&continue={token}").json()
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        names += [item["metadata"]["name"] for item in page["items"]]
    assert names == [f"page-{number}" for number in range(5)]
    exact = f"resourceVersion={first['metadata']['resourceVersion']}&resourceVersionMatch=Exact"
    again = admin.get(f"{CONFIGMAPS}?labelSelector=p&{exact}").json()
    assert [item["metadata"]["name"] for item in again["items"]] == names
    whole = admin.get(f"{CONFIGMAPS}?limit=1").json()["metadata"]
    assert whole["remainingItemCount"] >= 4
    gone = admin.request("DELETE", f"{CONFIGMAPS}?labelSelector=p").json()
    assert len(gone["items"]) == 5
    assert admin.get(f"{CONFIGMAPS}?labelSelector=p").json()["items"] == []


def test_tables_and_metadata_only(admin: httpx.Client) -> None:
    admin.post(CONFIGMAPS, json=configmap("shown", a="1"))
    table = admin.get(f"{CONFIGMAPS}/shown", headers={"Accept": TABLE}).json()
    assert table["kind"] == "Table" and table["rows"][0]["cells"][:2] == ["shown", 1]
    accept = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
    partial = admin.get(CONFIGMAPS, headers=accept).json()
    assert partial["kind"] == "PartialObjectMetadataList"
    assert all(set(item) == {"kind", "apiVersion", "metadata"} for item in partial["items"])


# -- watches


def test_a_watch_streams_and_ends_in_time(admin: httpx.Client) -> None:
    since = admin.get(CONFIGMAPS).json()["metadata"]["resourceVersion"]
    admin.post(CONFIGMAPS, json=configmap("seen"))
    admin.put(f"{CONFIGMAPS}/seen", json=configmap("seen", a="1"))
    admin.delete(f"{CONFIGMAPS}/seen")
    with admin.stream("GET", f"{CONFIGMAPS}?watch=True&resourceVersion={since}&timeoutSeconds=1") as response:
        seen = [json.loads(line) for line in response.iter_lines()]
    assert [event["type"] for event in seen] == ["ADDED", "MODIFIED", "DELETED"]
    named = f"{CONFIGMAPS}?watch=1&fieldSelector=metadata.name=other&resourceVersion={since}&timeoutSeconds=1"
    with admin.stream("GET", named) as response:
        assert list(response.iter_lines()) == []


def test_a_watch_as_table_describes_columns_once(admin: httpx.Client) -> None:
    admin.post(CONFIGMAPS, json=configmap("t1"))
    admin.post(CONFIGMAPS, json=configmap("t2"))
    with admin.stream("GET", f"{CONFIGMAPS}?watch=1", headers={"Accept": TABLE}) as response:
        first, second = lines(response, 2)
    assert first["object"]["columnDefinitions"] and not second["object"].get("columnDefinitions")


def test_a_watch_list_ends_its_beginning_with_a_bookmark(admin: httpx.Client) -> None:
    admin.post(CONFIGMAPS, json=configmap("initial"))
    count = len(admin.get(CONFIGMAPS).json()["items"])
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    with admin.stream("GET", f"{CONFIGMAPS}?{query}") as response:
        *added, end = lines(response, count + 1)
    assert {event["type"] for event in added} == {"ADDED"} and end["type"] == "BOOKMARK"
    assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(end["object"]["metadata"]["resourceVersion"]) > 0
    assert admin.get(f"{CONFIGMAPS}?watch=1&sendInitialEvents=true").status_code == 422


def test_a_forgotten_revision_is_an_error_event(admin: httpx.Client, server: RunningServer) -> None:
    for number in range(2_100):
        server.call(server.server.local("system:tester").update(CONFIGMAP_TYPE, _numbered(admin, number)))
    with admin.stream("GET", f"{CONFIGMAPS}?watch=1&resourceVersion=2") as response:
        (event,) = lines(response, 1)
    assert event["type"] == "ERROR" and event["object"]["code"] == 410 and event["object"]["reason"] == "Expired"


def _numbered(admin: httpx.Client, number: int) -> Body:
    if number == 0:
        admin.post(CONFIGMAPS, json=configmap("busy"))
    return {**configmap("busy", n=str(number)), "metadata": {"name": "busy", "namespace": "default"}}


# -- documents


def test_discovery_and_openapi(admin: httpx.Client) -> None:
    assert "apps" in [group["name"] for group in admin.get("/apis").json()["groups"]]
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    answer = admin.get("/apis", headers={"Accept": aggregated})
    assert (
        answer.json()["kind"] == "APIGroupDiscoveryList"
        and "as=APIGroupDiscoveryList" in answer.headers["Content-Type"]
    )
    again = admin.get("/apis", headers={"Accept": aggregated, "If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    path = admin.get("/openapi/v3").json()["paths"]["apis/apps/v1"]["serverRelativeURL"]
    assert "io.k8s.api.apps.v1.Deployment" in admin.get(path).json()["components"]["schemas"]
    assert admin.get(path, headers={"Accept-Encoding": "identity"}).json()["openapi"] == "3.0.0"
    (key,) = admin.get("/openid/v1/jwks").json()["keys"]
    assert key["alg"] == "ES256"
