"""Exports over HTTP: a real labeler in front of a control service that the test leads."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import httpx
import pytest

from protos import control_pb2
from tests.support import control as kit


def test_an_export_is_begun_watched_and_downloaded(led: httpx.Client, control: kit.Control) -> None:
    assert led.get("api/runs/r/export").json() == {"run": "r", "state": "", "text": "", "files": []}
    begun = led.post("api/runs/r/export", json={"formats": ["csv", "coco"], "models": ["onnx"]}).json()
    assert begun["state"] == "working"
    assert control.exports[-1] == (["csv", "coco"], ["onnx"])
    control.exported = control_pb2.ExportStatus(run="r", state="done", text="csv  /out", file=["images.csv"])
    assert led.get("api/runs/r/export").json()["files"] == ["images.csv"]
    control.files = {"images.csv": bytes(range(256)) * 5, "empty.jsonl": b""}
    control.part = 300  # several parts
    got = led.get("api/runs/r/download", params={"name": "images.csv"})
    assert got.content == control.files["images.csv"]
    assert got.headers["content-disposition"] == 'attachment; filename="images.csv"'
    assert (got.headers["content-type"], got.headers["x-content-type-options"]) == (
        "application/octet-stream",
        "nosniff",
    )
    assert led.get("api/runs/r/download", params={"name": "empty.jsonl"}).content == b""


def test_a_download_ends_where_the_run_is_exported_anew(led: httpx.Client, control: kit.Control) -> None:
    """Of the same length, as a model has each time."""
    control.files, control.part = {"m.ckpt": b"1" * 5_000_000}, 1 << 20

    def anew() -> None:
        control.files, control.exported_number = {"m.ckpt": b"2" * 5_000_000}, control.exported_number + 1

    got = b""
    with pytest.raises(httpx.RemoteProtocolError):
        with led.stream("GET", "api/runs/r/download", params={"name": "m.ckpt"}) as answer:
            for part in answer.iter_bytes(1000):
                got += part
                if len(got) == 1000:
                    anew()
    assert set(got) == {ord("1")}


def test_all_files_come_as_one_archive(led: httpx.Client, control: kit.Control) -> None:
    control.files = {"images.csv": bytes(range(256)) * 50, "empty.jsonl": b"", "final_model.ckpt": b"m" * 7000}
    control.part = 3000
    control.exported = control_pb2.ExportStatus(run="r", state="done", text="csv  /out", file=list(control.files))
    got = led.get("api/runs/r/archive")
    assert got.headers["content-disposition"] == 'attachment; filename="r.zip"'
    with zipfile.ZipFile(io.BytesIO(got.content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == control.files
    control.exported = control_pb2.ExportStatus(run="r", state="working")
    answer = led.get("api/runs/r/archive")
    assert (answer.status_code, "nothing to download yet" in answer.json()["error"]) == (404, True)
    assert led.get("api/runs/..%2fx/archive").status_code in (400, 404)


def test_an_archive_ends_where_the_run_is_exported_anew(led: httpx.Client, control: kit.Control) -> None:
    control.files = {"a.csv": b"1" * 5_000_000, "b.csv": b"1" * 5_000_000}
    control.part = 1 << 20
    control.exported = control_pb2.ExportStatus(run="r", state="done", file=["a.csv", "b.csv"])
    got = b""
    with pytest.raises(httpx.RemoteProtocolError):
        with led.stream("GET", "api/runs/r/archive") as answer:
            for part in answer.iter_bytes(1000):
                if not got:
                    control.exported_number += 1
                got += part
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(got))


@pytest.mark.parametrize(
    ("name", "status"),
    [("other.csv", 404), ("../run.json", 400), ("a/b", 400), ("", 400), (".hidden", 400), ("x" * 200, 400)],
)
def test_only_files_of_the_export_can_be_downloaded(led: httpx.Client, name: str, status: int) -> None:
    assert led.get("api/runs/r/download", params={"name": name}).status_code == status


@pytest.mark.parametrize(
    "body",
    [{"formats": "csv"}, {"formats": ["CSV"]}, {"models": ["../x"]}, {"formats": ["a"] * 21}, {"to": "/etc"}, []],
)
def test_malformed_wishes_are_refused_and_reach_nobody(led: httpx.Client, control: kit.Control, body: Any) -> None:
    before = len(control.exports)
    assert led.post("api/runs/r/export", json=body).status_code == 400
    assert len(control.exports) == before


def test_why_there_is_no_export_is_said(led: httpx.Client, control: kit.Control) -> None:
    control.refusal = "an export of this run is at work already; wait for its end"
    answer = led.post("api/runs/r/export", json={"formats": ["csv"]})
    control.refusal = ""
    assert (answer.status_code, answer.json()["error"]) == (
        409,
        "an export of this run is at work already; wait for its end",
    )
