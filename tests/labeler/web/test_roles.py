"""What annotators are told of a run: how far it is, and nothing of each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from protos import control_pb2, rpc
from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, paint, publish_folder
from tests.support import control as kit


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("roles")
    control = kit.Control()
    control.status = control_pb2.RunStatus(run="r", state="labeling", round=1, images=2)
    server = rpc.serve([kit.registration(control)], f"unix:{folder}/c.sock")
    paint(folder / "data", ["a.png", "b.png"])
    made = Service(folder / "labeler", ACTIVE_LABELER_CONTROL=server.address, ACTIVE_LABELER_WEB_ACCESS="token")
    made.open_run(publish_folder(ArtifactStore(made.folder / "artifacts"), folder / "data"), run="r")
    yield made
    made.stop()
    server.stop(0)


def _as(service: Service, role: str) -> httpx.Client:
    token = json.loads((service.folder / "labels" / "access.json").read_text())[role]
    return httpx.Client(base_url=service.url, timeout=20, headers={"Authorization": f"Bearer {token}"})


def _news(web: httpx.Client) -> dict[str, Any]:
    with web.stream("GET", "api/runs/r/news") as answer:
        line = next(line for line in answer.iter_lines() if line.startswith("data: "))
    return dict(json.loads(line.removeprefix("data: ")))


def test_annotators_are_not_told_of_each_other(service: Service) -> None:
    said = {"client": "a" * 16, "annotator": "Ann", "events": [{"sequence": 1, "item": 1, "answer": "positive"}]}
    with _as(service, "annotator") as annotator, _as(service, "admin") as admin:
        assert annotator.post("api/runs/r/marks", json=said).status_code == 200
        assert [who["name"] for who in admin.get("api/runs/r/dashboard").json()["people"]] == ["Ann"]
        assert [who["name"] for who in _news(admin)["board"]["people"]] == ["Ann"]
        assert annotator.get("api/runs/r/dashboard").json()["people"] == []
        assert _news(annotator)["board"]["people"] == []
        assert "Ann" not in annotator.get("api/runs/r/loop").text


def test_annotators_settle_nothing(service: Service) -> None:
    said = {"client": "b" * 16, "annotator": "Bob", "events": [{"sequence": 1, "item": 0, "answer": "positive"}]}
    with _as(service, "annotator") as annotator, _as(service, "admin") as admin:
        assert annotator.post("api/runs/r/settle", json=said).status_code == 403
        assert annotator.post("api/runs/r/marks", json={**said, "settles": True}).status_code == 400
        assert admin.post("api/runs/r/settle", json=said).json()["saved"] == [1]
