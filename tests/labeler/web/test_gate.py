"""Who gets in, and who may do what: a labeler that asks for tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest

from protos import labeler_pb2 as pb
from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, paint, publish_folder

CLIENT = "c" * 16
ADMIN_POSTS = {
    "finish": {"round": 1},
    "loop": {"question": "q", "answer": "q"},
    "continuous": {"on": True},
    "stop": {},
    "export": {"formats": ["csv"]},
    "settle": {"client": CLIENT, "events": [{"sequence": 1, "item": 0, "answer": "positive"}]},
    "queue": {"items": [0]},
    "search": {"item": 0},
}

ADMINS_SEE = ["archive", "course", "download", "export", "map", "people", "quarantine", "remarks", "rounds", "scores"]
ANNOTATORS_SEE = ["asks", "dashboard", "examples", "images/0", "images/0/size", "items", "labels", "loop", "mine"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("gate")
    paint(folder / "data", ["a.png", "b.png"])
    started = Service(folder, ACTIVE_LABELER_WEB_ACCESS="token")
    started.open_run(publish_folder(ArtifactStore(folder / "artifacts"), folder / "data"))
    started.offer(range(2))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def tokens(service: Service) -> dict[str, str]:
    return dict(json.loads((service.folder / "labels" / "access.json").read_text()))


def client(service: Service, token: str = "") -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=service.url, timeout=20, headers=headers)


def joined(service: Service, token: str) -> httpx.Client:
    web = client(service)
    assert web.post("join", json={"token": token}).status_code == 200
    return web


@pytest.mark.parametrize(
    "path", ["api/runs", "api/me", "api/runs/r1/images/0/pieces/0/0/0", "api/runs/r1/scores", "nothing"]
)
def test_without_a_token_there_is_a_sentence_and_nothing_else(service: Service, path: str) -> None:
    answer = client(service).get(path)
    assert answer.status_code == 401
    assert "active-labeler link" in answer.json()["error"]
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["sync", "tiles", "marks", "remarks", *ADMIN_POSTS])
def test_without_a_token_nothing_is_written(service: Service, path: str) -> None:
    before = service.answers()
    assert client(service).post(f"api/runs/r1/{path}", json={}).status_code == 401
    assert service.answers() == before


def test_the_door_stands_in_the_place_of_the_page(service: Service) -> None:
    answer = client(service).get("")
    assert answer.status_code == 401
    assert "You need a link" in answer.text
    assert "static/" not in answer.text
    for file in ("door/join.js", "door/door.css", "static/icon.svg"):
        assert client(service).get(file).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic YTpi"},
        {"Cookie": "active_labeler_000000000000=x"},
        {"Cookie": "=;;;=="},
        {"Cookie": "a" * 4000},
    ],
)
def test_wrong_tokens_are_none(service: Service, headers: dict[str, str]) -> None:
    assert client(service).get("api/runs", headers=headers).status_code == 401


@pytest.mark.parametrize("path", ADMINS_SEE)
def test_what_admins_see_annotators_do_not(service: Service, tokens: dict[str, str], path: str) -> None:
    at = f"api/runs/r1/{path}?name=images.csv"
    assert joined(service, tokens["annotator"]).get(at).status_code == 403
    assert joined(service, tokens["admin"]).get(at).status_code != 403


@pytest.mark.parametrize("path", ANNOTATORS_SEE)
def test_what_annotators_see(service: Service, tokens: dict[str, str], path: str) -> None:
    assert joined(service, tokens["annotator"]).get(f"api/runs/r1/{path}").status_code in (200, 404)  # no loop here


@pytest.mark.parametrize(
    "path",
    [
        "api",
        "api/",
        "api/links/",
        "api/secrets",
        "api/runs/r1",
        "api/runs/r1/",
        "api/runs/r1/labels/1",
        "api/runs/r1/images",
    ],
)
def test_what_nobody_has_thought_of_is_not_for_annotators(service: Service, tokens: dict[str, str], path: str) -> None:
    assert joined(service, tokens["annotator"]).get(path).status_code == 403
    assert joined(service, tokens["admin"]).get(path).status_code == 404


def test_admins_get_the_link_to_pass_on_and_no_page_gets_their_own(service: Service, tokens: dict[str, str]) -> None:
    assert joined(service, tokens["annotator"]).get("api/links").status_code == 403
    answer = joined(service, tokens["admin"]).get("api/links")
    assert answer.json() == {"annotator": service.stub.GetLinks(pb.GetLinksRequest()).annotator, "local": True}
    assert tokens["admin"] not in answer.text
    for path in ("api/links/code", "api/links/code/", "api/links/other"):
        assert joined(service, tokens["annotator"]).get(path).status_code == 403
    refused = joined(service, tokens["admin"]).get("api/links/code")
    assert (refused.status_code, "only this machine opens" in refused.json()["error"]) == (409, True)


def test_annotators_start_no_runs(service: Service, tokens: dict[str, str]) -> None:
    annotator, admin = joined(service, tokens["annotator"]), joined(service, tokens["admin"])
    assert annotator.get("api/prepared").status_code == 403
    assert annotator.post("api/start", json={"data": 1}).status_code == 403
    assert admin.get("api/prepared").json() == {"data": [], "configuration": [], "encoder": []}  # no loop here
    assert admin.post("api/start", json={"data": 1}).status_code == 404


def test_what_is_no_http_is_refused(service: Service) -> None:
    assert client(service).get("api/runs", headers={"Cookie": "\x01=;;;=="}).status_code == 400


def test_the_cookie_is_read_by_no_script_and_goes_to_no_other_site(service: Service, tokens: dict[str, str]) -> None:
    answer = client(service).post("join", json={"token": tokens["annotator"]})
    assert answer.json() == {"role": "annotator"}
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path" not in cookie  # the browser's own: the folder of the address, whatever a proxy puts before it
    assert "Secure" not in cookie
    (morsel,) = SimpleCookie(cookie).values()
    assert morsel.value == tokens["annotator"]


@pytest.mark.parametrize("token", ["wrong", "x" * 24, "{admin}x"])
def test_a_wrong_link_sets_no_cookie(service: Service, tokens: dict[str, str], token: str) -> None:
    answer = client(service).post("join", json={"token": token.format(**tokens)})
    assert answer.status_code == 400
    assert "this link lets nobody in any more" in answer.json()["error"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "body", [{}, {"token": ""}, {"token": 1}, {"token": "a" * 501}, {"token": "a", "role": "admin"}]
)
def test_what_is_no_token_is_refused(service: Service, body: dict[str, Any]) -> None:
    assert client(service).post("join", json=body).status_code == 400


def test_another_site_cannot_join_in_somebody_s_name(service: Service, tokens: dict[str, str]) -> None:
    evil = {"Origin": "https://evil.example"}
    assert client(service).post("join", json={"token": tokens["admin"]}, headers=evil).status_code == 403
    assert joined(service, tokens["admin"]).post("api/runs/r1/stop", json={}, headers=evil).status_code == 403


@pytest.mark.parametrize("role", ["admin", "annotator"])
def test_cookie_and_bearer_say_who_one_is(service: Service, tokens: dict[str, str], role: str) -> None:
    for web in (joined(service, tokens[role]), client(service, tokens[role])):
        assert web.get("api/me").json() == {"role": role, "access": "token", "loop": False}
        assert web.get("").text.startswith("<!doctype html>")
        assert web.get("api/runs/r1/images/0").status_code == 200


def test_annotators_label(service: Service, tokens: dict[str, str]) -> None:
    web = joined(service, tokens["annotator"])
    cards = web.post("api/runs/r1/sync", json={"client": CLIENT, "want": 1}).json()["cards"]
    said = {"sequence": 1, "item": cards[0]["item"], "round": 1, "answer": "positive"}
    assert web.post("api/runs/r1/sync", json={"client": CLIENT, "events": [said]}).json()["saved"] == [1]
    assert web.post("api/runs/r1/tiles", json={"items": [0]}).status_code == 200
    assert web.post("api/runs/r1/pictures", json={"items": [0]}).status_code == 200
    assert (cards[0]["item"], pb.ANSWER_POSITIVE) in service.answers()
    mark = {"client": CLIENT, "events": [{"sequence": 2, "item": cards[0]["item"], "answer": "negative"}]}
    assert web.post("api/runs/r1/marks", json=mark).status_code == 200
    assert web.post("api/runs/r1/remarks", json={"item": 0, "flag": True}).status_code == 200


@pytest.mark.parametrize("path", list(ADMIN_POSTS))
def test_annotators_do_not_steer(service: Service, tokens: dict[str, str], path: str) -> None:
    answer = joined(service, tokens["annotator"]).post(f"api/runs/r1/{path}", json=ADMIN_POSTS[path])
    assert answer.status_code == 403
    assert "takes an admin" in answer.json()["error"]
    assert client(service, tokens["admin"]).post(f"api/runs/r1/{path}", json=ADMIN_POSTS[path]).status_code != 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_annotators_use_no_other_methods(service: Service, tokens: dict[str, str], method: str) -> None:
    answer = client(service, tokens["annotator"]).request(
        method, "api/runs", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 403


def test_a_person_who_is_refused_sees_a_page(service: Service) -> None:
    answer = client(service).get("api/runs", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")
    evil = client(service).get("", headers={"Host": "<b>evil</b>.example", "Accept": "text/html"})
    assert evil.status_code == 421
    assert "&lt;b&gt;evil&lt;/b&gt;.example" in evil.text
    assert "<b>" not in evil.text


def test_links_are_told_over_the_wire_and_outlive_a_restart(service: Service, tokens: dict[str, str]) -> None:
    links = service.stub.GetLinks(pb.GetLinksRequest())
    assert links.admin == f"{service.url}join#{tokens['admin']}"
    assert links.annotator == f"{service.url}join#{tokens['annotator']}"
    assert links.local
    client(service, tokens["annotator"]).get("api/me", headers={"Host": "192.168.7.7:5000"})
    assert service.stub.GetLinks(pb.GetLinksRequest()).page == service.url
    client(service, tokens["admin"]).get("api/me", headers={"Host": "192.168.7.7:5000"})
    assert service.stub.GetLinks(pb.GetLinksRequest()).page == "http://192.168.7.7:5000/"
    drawn = client(service, tokens["admin"]).get("api/links/code", headers={"Host": "192.168.7.7:5000"})
    assert (drawn.status_code, drawn.headers["Content-Type"]) == (200, "image/svg+xml")
    assert drawn.headers["Cache-Control"] == "no-store" and tokens["admin"] not in drawn.text
    assert client(service, tokens["annotator"]).get("api/links/code").status_code == 403


def test_tokens_outlive_a_killed_labeler(tmp_path: Any) -> None:
    paint(tmp_path / "data", ["a.png"])
    first = Service(tmp_path, ACTIVE_LABELER_WEB_ACCESS="token")
    before = first.stub.GetLinks(pb.GetLinksRequest()).admin.partition("#")[2]
    first.kill()
    again = Service(tmp_path, ACTIVE_LABELER_WEB_ACCESS="token")
    assert client(again, before).get("api/me").json()["role"] == "admin"
    again.stop()


@pytest.mark.parametrize(
    ("settings", "access"),
    [
        ({}, "open"),
        ({"ACTIVE_LABELER_WEB_HOST": "0.0.0.0"}, "token"),
        ({"ACTIVE_LABELER_WEB_HOST": "0.0.0.0", "ACTIVE_LABELER_WEB_ACCESS": "open"}, "open"),
    ],
)
def test_a_token_is_asked_for_wherever_others_reach_the_page(
    tmp_path: Any, settings: dict[str, str], access: str
) -> None:
    started = Service(tmp_path, **settings)
    assert client(started).get("api/runs").status_code == (200 if access == "open" else 401)
    assert (tmp_path / "labels" / "access.json").exists() == (access == "token")
    if access == "open":
        assert client(started).get("api/me").json() == {"role": "admin", "access": "open", "loop": False}
    started.stop()
