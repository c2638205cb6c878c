"""Which runs a daemon remembers, and what it makes of a list that is damaged."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.control.manager import ENDED, ManagedRun, RunManager
from orchestrator.service_settings import OrchestratorSettings
from protos import rpc
from protos.errors import ConflictError, UnavailableError
from tests.support import bench


def _away() -> str:
    raise UnavailableError("the database of the labeler is away")


@pytest.fixture
def process(tmp_path: Path) -> Iterator[OrchestratorSettings]:
    """Services of which the labeler cannot work."""
    server = rpc.serve([bench.labeler(_away)], f"unix:{tmp_path}/s.sock", threads=16)
    endpoints = bench.five(server.address)
    yield OrchestratorSettings(endpoints=endpoints, artifacts=tmp_path / "store", patience_s=0)
    server.stop(0)


@pytest.fixture
def list_file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "at-work.json"


def _start(manager: RunManager, folder: Path, **more: object) -> ManagedRun:
    bench.touch_images(folder / "data", ["a.png", "b.png"])
    sampling = {"size": 1}
    return manager.start(bench.run_settings(folder, sampling=sampling, **more), resume=False)


def _ended(manager: RunManager) -> list[ManagedRun]:
    end = time.monotonic() + 60
    while any(managed.board.state not in ENDED for managed in manager.all()):
        assert time.monotonic() < end
        time.sleep(0.05)
    for managed in manager.all():
        assert managed.thread is not None
        managed.thread.join(10)
    return manager.all()


def test_runs_that_a_missing_service_ended_are_resumed_at_the_next_start(
    tmp_path: Path, process: OrchestratorSettings, list_file: Path
) -> None:
    manager = RunManager(process, list_file)
    for number in range(5):  # their threads end at about the same time
        _start(manager, tmp_path / str(number))
    failed = _ended(manager)
    assert {managed.board.state for managed in failed} == {"failed"}
    assert "the database of the labeler is away" in failed[0].message
    wanted = {str(tmp_path / str(number) / "runtime") for number in range(5)}
    assert set(json.loads(list_file.read_bytes())) == wanted
    assert [file.name for file in list_file.parent.iterdir()] == [list_file.name]
    again = RunManager(process, list_file)
    again.resume_remembered()
    assert {str(managed.folder.path) for managed in again.all()} == wanted
    assert {managed.folder.run for managed in _ended(again)} == {managed.folder.run for managed in failed}


def test_a_second_run_for_one_output_folder_is_refused_when_it_is_started(
    tmp_path: Path, process: OrchestratorSettings, list_file: Path
) -> None:
    manager = RunManager(process, list_file)
    first = _start(manager, tmp_path / "a")
    with pytest.raises(ConflictError, match=f"in use by the run {first.folder.run} .*another folder with --output"):
        _start(manager, tmp_path / "b", output=tmp_path / "a" / "output")
    assert manager.all() == [first]
    assert not (tmp_path / "b" / "runtime" / "run.json").exists()
    _ended(manager)
    assert manager.start(first.settings, resume=True).folder.run == first.folder.run  # its own claim is no hindrance
    _ended(manager)


def test_a_run_that_ended_by_a_mistake_is_forgotten(
    tmp_path: Path, process: OrchestratorSettings, list_file: Path
) -> None:
    manager = RunManager(process, list_file)
    _start(manager, tmp_path / "a", labeling={"simulate": True, "pos_class": "zebra"})
    assert "zebra" in _ended(manager)[0].message
    assert not list((tmp_path / "a" / "output").glob(".active-labeler-run*"))
    assert json.loads(list_file.read_bytes()) == []


def test_what_cannot_be_resumed_is_said_and_the_others_go_on(
    tmp_path: Path, process: OrchestratorSettings, list_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manager = RunManager(process, list_file)
    _start(manager, tmp_path / "there")
    _ended(manager)
    list_file.write_text(json.dumps([str(tmp_path / "gone"), *json.loads(list_file.read_bytes())]))
    again = RunManager(process, list_file)
    with caplog.at_level(logging.WARNING):
        again.resume_remembered()
    assert f"cannot resume the run in {tmp_path / 'gone'}" in caplog.text
    assert [managed.folder.path for managed in _ended(again)] == [tmp_path / "there" / "runtime"]


@pytest.mark.parametrize("content", [b"", b'["/a', b"{}", b"[1]", b"\xff\xfe"])
def test_a_damaged_list_is_said_and_holds_nobody_up(
    process: OrchestratorSettings, list_file: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    list_file.parent.mkdir()
    list_file.write_bytes(content)
    manager = RunManager(process, list_file)
    with caplog.at_level(logging.WARNING):
        manager.resume_remembered()
    assert str(list_file) in caplog.text
    assert "active-labeler resume" in caplog.text
    assert manager.all() == []


def test_a_list_that_cannot_be_written_stops_no_run(
    tmp_path: Path, process: OrchestratorSettings, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("no folder")
    manager = RunManager(process, tmp_path / "state" / "at-work.json")
    with caplog.at_level(logging.WARNING):
        _start(manager, tmp_path / "a")
        _ended(manager)
    assert "cannot note in" in caplog.text


def test_no_list_is_no_trouble(process: OrchestratorSettings, list_file: Path) -> None:
    RunManager(process, list_file).resume_remembered()
    RunManager(process, None).resume_remembered()
