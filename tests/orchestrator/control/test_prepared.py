"""What the page may start runs of: found on the disk, chosen by number, and started over the contract."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.control.manager import RunManager
from orchestrator.control.prepared import CONFIGURATION, DATA, ENCODER, Choice, Prepared, Thing
from orchestrator.control.servicer import registration
from orchestrator.service_settings import OrchestratorSettings, PreparedSettings, read_orchestrator_settings
from protos import control_pb2, control_pb2_grpc, rpc
from protos.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from tests.support import bench


@pytest.fixture
def settings(tmp_path: Path) -> PreparedSettings:
    for name in ("craters", "oil slicks", ".hidden"):
        bench.touch_images(tmp_path / "data" / name, ["a.png"])
    (tmp_path / "data" / "list.csv").touch()
    config = tmp_path / "config"
    (config / "dino").mkdir(parents=True)
    (config / "dino" / "config.json").write_text("{}")
    (config / "own").mkdir()
    (config / "own" / "encoder.safetensors").touch()
    (config / "empty").mkdir()
    for name in ("moco.ckpt", "reference.png"):
        (config / name).touch()
    (config / "small.yaml").write_text("question: A small one?\nsampling: {size: 5}\nencoder: {path: moco.ckpt}\n")
    (config / "broken.yml").write_text("sampling: {sise: 5}\n")
    (tmp_path / "results").mkdir()
    return PreparedSettings(data=tmp_path / "data", config=config, results=tmp_path / "results")


def _thing(prepared: Prepared, kind: str, begins: str) -> Thing:
    return next(thing for thing in prepared.things(kind) if thing.name.startswith(begins))


def test_data_sets_configurations_and_encoders_are_listed(settings: PreparedSettings) -> None:
    prepared = Prepared(settings)
    names = {kind: [thing.name for thing in prepared.things(kind)] for kind in (DATA, CONFIGURATION, ENCODER)}
    assert names == {
        DATA: ["all of data", "craters", "oil slicks"],
        CONFIGURATION: ["broken.yml", "small.yaml"],
        ENCODER: ["hog: outlines and colours, needs no file", "dino", "moco.ckpt", "own"],
    }
    numbers = [thing.number for kind in names for thing in prepared.things(kind)]
    assert len(set(numbers)) == len(numbers)
    assert all(0 < number < 2**48 for number in numbers)
    assert [thing.number for thing in Prepared(settings).things(DATA)] == [t.number for t in prepared.things(DATA)]


def test_a_data_set_with_sides_is_one(settings: PreparedSettings, tmp_path: Path) -> None:
    (tmp_path / "data" / "Unlabeled").mkdir()
    assert [thing.name for thing in Prepared(settings).things(DATA)] == ["all of data"]


@pytest.mark.parametrize("folder", [None, "missing", "results"])
def test_without_data_sets_there_is_nothing(settings: PreparedSettings, tmp_path: Path, folder: str | None) -> None:
    there = PreparedSettings(data=folder and tmp_path / folder, config=settings.config, results=settings.results)
    assert Prepared(there).things(DATA) == []


def test_a_choice_becomes_settings_with_folders_of_their_own(settings: PreparedSettings, tmp_path: Path) -> None:
    prepared = Prepared(settings)
    data = _thing(prepared, DATA, "craters").number
    hog = _thing(prepared, ENCODER, "hog").number
    chosen = prepared.settings(Choice(data, encoder=hog, name="Big ones!", question="Big?", reference=b"picture"))
    assert (chosen.data, chosen.name, chosen.question) == (tmp_path / "data" / "craters", "Big ones!", "Big?")
    assert (chosen.output, chosen.runtime) == (
        tmp_path / "results" / "big-ones",
        tmp_path / "results" / "big-ones" / "runtime",
    )
    assert chosen.encoder.builtin == "hog"
    (reference,) = chosen.reference_images
    assert reference.read_bytes() == b"picture"
    os.utime(reference, ns=(1, 1))
    again = prepared.settings(Choice(data, name="again", reference=b"picture"))
    assert again.reference_images == [reference]
    assert reference.stat().st_mtime_ns == 1  # a run at work may be reading it
    chosen.output.mkdir()
    assert prepared.settings(Choice(data, name="big ones")).output.name == "big-ones-2"
    without = prepared.settings(Choice(data))
    assert (without.output.name, without.seed_set.mode, without.reference_images) == ("craters", "none", [])


def test_a_configuration_holds_where_nothing_else_is_said(settings: PreparedSettings) -> None:
    prepared = Prepared(settings)
    data = _thing(prepared, DATA, "oil").number
    small = _thing(prepared, CONFIGURATION, "small").number
    assert settings.config is not None
    plain = prepared.settings(Choice(data, small))
    assert (plain.question, plain.sampling.size) == ("A small one?", 5)
    assert plain.encoder.path == settings.config / "moco.ckpt"  # beside the configuration
    for begins, path, model in (("own", settings.config / "own", ""), ("dino", None, str(settings.config / "dino"))):
        other = prepared.settings(Choice(data, small, _thing(prepared, ENCODER, begins).number, question="Oil?"))
        assert (other.question, other.encoder.path, other.encoder.model) == ("Oil?", path, model)


def test_what_cannot_be_started_is_said(settings: PreparedSettings, tmp_path: Path) -> None:
    prepared = Prepared(settings)
    data = _thing(prepared, DATA, "craters").number
    with pytest.raises(InvalidInputError, match="no data set is chosen"):
        prepared.settings(Choice(0))
    with pytest.raises(NotFoundError, match="the data that was chosen is not there any more; reload the page"):
        prepared.settings(Choice(_thing(prepared, ENCODER, "hog").number))
    with pytest.raises(InvalidInputError, match="sise"):
        prepared.settings(Choice(data, _thing(prepared, CONFIGURATION, "broken").number))
    with pytest.raises(InvalidInputError, match="question"):
        prepared.settings(Choice(data, question="?" * 501))
    (tmp_path / "results" / "references").touch()
    with pytest.raises(
        ConflictError, match=r"the reference image cannot be kept in .*; user \d+:\d+ must be able to write there"
    ):
        prepared.settings(Choice(data, reference=b"x"))


@pytest.mark.parametrize("name", ["../../etc", "/etc/passwd", "..", "\u202e\0", "a" * 200])
def test_names_make_no_paths(settings: PreparedSettings, tmp_path: Path, name: str) -> None:
    prepared = Prepared(settings)
    place = prepared.settings(Choice(_thing(prepared, DATA, "craters").number, name=name)).output
    assert place.parent == tmp_path / "results"
    assert len(place.name) <= 60


def test_the_environment_says_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ACTIVE_LABELER_PREPARED__DATA", str(tmp_path))
    assert read_orchestrator_settings().prepared.data == tmp_path


def _away() -> str:
    raise UnavailableError("the database of the labeler is away")


@pytest.fixture
def stub(settings: PreparedSettings, tmp_path: Path) -> Iterator[control_pb2_grpc.ControlStub]:
    """A serving orchestrator, with services of which the labeler cannot work."""
    bench_server = rpc.serve([bench.labeler(_away)], f"unix:{tmp_path}/s.sock", threads=16)
    process = OrchestratorSettings(
        endpoints=bench.five(bench_server.address), artifacts=tmp_path / "store", patience_s=0, prepared=settings
    )
    manager = RunManager(process)
    server = rpc.serve([registration(manager)], f"unix:{tmp_path}/c.sock")
    with rpc.connect(server.address) as channel:
        yield control_pb2_grpc.ControlStub(channel)
    server.stop(0)
    manager.close()
    bench_server.stop(0)


def test_a_run_is_started_over_the_contract(stub: control_pb2_grpc.ControlStub, tmp_path: Path) -> None:
    found = stub.ListPrepared(control_pb2.ListPreparedRequest())
    data = next(thing.number for thing in found.data if thing.name == "craters")
    hog = found.encoder[0].number
    run = stub.StartPrepared(control_pb2.StartPreparedRequest(data=data, encoder=hog, name="mine", question="Yes?")).run
    status = stub.GetRun(control_pb2.GetRunRequest(run=run))
    assert (status.name, status.output_path) == ("mine", str(tmp_path / "results" / "mine"))
    for wrong in (
        control_pb2.StartPreparedRequest(),
        control_pb2.StartPreparedRequest(data=2**64 - 1),
        control_pb2.StartPreparedRequest(data=data, configuration=7),
        control_pb2.StartPreparedRequest(data=data, encoder=data),
    ):
        with pytest.raises((InvalidInputError, NotFoundError)):
            stub.StartPrepared(wrong)
    assert len(stub.ListRuns(control_pb2.ListRunsRequest()).runs) == 1
