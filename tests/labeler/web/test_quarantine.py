"""What was set aside, over HTTP: a real labeler in front of a control service that the test leads."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from protos import rpc
from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, paint, publish_folder
from tests.support import control as kit


@pytest.fixture(scope="module")
def control() -> kit.Control:
    return kit.Control()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, control: kit.Control) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("aside")
    server = rpc.serve([kit.registration(control)], f"unix:{folder}/c.sock")
    paint(folder / "data", ["0.png", "1.png", "2.png", "3.png", "x\u202e.png"])
    service = Service(folder / "labeler", ACTIVE_LABELER_CONTROL=server.address)
    service.open_run(publish_folder(ArtifactStore(service.folder / "artifacts"), folder / "data"), run="r")
    with httpx.Client(base_url=service.url, timeout=20) as client:
        yield client
    service.stop()
    server.stop(0)


def test_images_come_by_name_with_their_reason_and_reasons_are_counted(web: httpx.Client, control: kit.Control) -> None:
    control.quarantine = {4: "damaged image: broken PNG file", 3: "damaged image: truncated", 0: "the file is empty"}
    answer = web.get("api/runs/r/quarantine", params={"count": 2}).json()
    assert answer["total"] == 3 and answer["kinds"] == [["damaged image", 2], ["the file is empty", 1]]
    assert [(image["item"], image["reason"]) for image in answer["images"]] == [
        (0, "the file is empty"),
        (3, "damaged image: truncated"),
    ]
    rest = web.get("api/runs/r/quarantine", params={"first": 2}).json()["images"]
    assert [image["item"] for image in rest] == [4] and "\u202e" not in rest[0]["path"]
    control.quarantine = {}
    assert web.get("api/runs/r/quarantine").json() == {"run": "r", "total": 0, "kinds": [], "images": []}


@pytest.mark.parametrize("query", ["first=-1", "count=0", "count=501", "first=x"])
def test_what_cannot_be_asked_is_said(web: httpx.Client, query: str) -> None:
    answer = web.get(f"api/runs/r/quarantine?{query}")
    assert answer.status_code == 400 and "reload the page" in answer.json()["error"]
    assert web.get("api/runs/none/quarantine").status_code == 404
