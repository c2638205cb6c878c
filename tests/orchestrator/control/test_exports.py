"""Exports beside the loop: what is refused, and what becomes of one that fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.control.events import EventAsker, EventLog
from orchestrator.control.exports import DONE, FAILED, PART_BYTES, WORKING, Export, Exports
from orchestrator.control.manager import ManagedRun
from orchestrator.embedding import import_encoder, list_data
from orchestrator.model import Embedded, Model
from orchestrator.run import Run
from protos import rpc
from protos.errors import ConflictError, InvalidInputError, NotFoundError
from services.common.artifacts import ArtifactStore
from tests.support import bench


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[ManagedRun]:
    """A run at work that knows its images and an encoder."""
    embedder = bench.Embedder(ArtifactStore(tmp_path / "store"))
    server = rpc.serve([bench.embedder(embedder)], f"unix:{tmp_path}/e.sock")
    bench.touch_images(tmp_path / "data", ["a.png", "b.png"])
    work = bench.run_on_bench(tmp_path, server.address)
    work.catalogued = list_data(work)
    events = EventLog(work.id)
    made = ManagedRun(work.folder, work.settings, events, EventAsker(events))
    made.work = work
    yield made
    work.clients.close()
    server.stop(0)


def test_a_run_that_has_embedded_nothing_is_not_exported(managed: ManagedRun) -> None:
    with pytest.raises(ConflictError, match="cannot be exported just now"):
        managed.exports.start(managed, ["csv"], [])
    managed.work = None
    with pytest.raises(ConflictError, match="use `active-labeler export` where it is not at work"):
        managed.exports.start(managed, ["csv"], [])


def _as_if_embedded(work: Run) -> None:
    """With a state that no export can read: its artifacts are nowhere."""
    encoder = import_encoder(work)
    nowhere = encoder.artifact
    generation = {"id": "g", "vectors": nowhere, "present": nowhere, "index": nowhere, "rows": 2, "dim": encoder.dim}
    generation |= {"metric": "euclidean", "num_trees": 1, "n_jobs": 1, "seed": 1}
    embedded = Embedded.model_validate({"generation": generation, "blocks": nowhere, "quarantined": 0})
    work.latest = Model(encoder=encoder, embedded=embedded)
    work.results = object()  # type: ignore[assignment]


def test_what_cannot_be_written_is_refused_before_anything_is(managed: ManagedRun) -> None:
    assert managed.work is not None
    _as_if_embedded(managed.work)
    for formats, models, words in (
        ([], [], "there is nothing to export"),
        (["yolo"], [], "--format yolo: it takes"),
        (["csv"], ["pickle"], "--model pickle: it takes"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            managed.exports.start(managed, formats, models)
    managed.exports.newest = Export(WORKING, number=4)
    with pytest.raises(ConflictError, match="is at work already"):
        managed.exports.start(managed, ["csv"], [])
    assert managed.exports.newest == Export(WORKING, number=4)


def test_an_export_that_fails_says_why_and_the_next_one_may_begin(managed: ManagedRun) -> None:
    assert managed.work is not None
    _as_if_embedded(managed.work)
    for number in (1, 2):
        assert managed.exports.start(managed, ["csv"], []) == Export(WORKING, number=number)
        end = time.monotonic() + 60
        while managed.exports.newest.state == WORKING and time.monotonic() < end:
            time.sleep(0.05)
        newest = managed.exports.newest
        assert (newest.state, newest.number, newest.files) == (FAILED, number, {})
        assert newest.text
    assert not (managed.work.settings.output / "export" / "images.csv").exists()


def test_files_are_read_in_parts_by_their_names_only(tmp_path: Path) -> None:
    (tmp_path / "images.csv").write_bytes(b"x" * (PART_BYTES + 5))
    exports = Exports(Export(DONE, "", {"images.csv": tmp_path / "images.csv"}, number=3))
    first, size, number = exports.read("images.csv", 0)
    assert (len(first), size, number) == (PART_BYTES, PART_BYTES + 5, 3)
    assert len(exports.read("images.csv", PART_BYTES)[0]) == 5
    assert exports.read("images.csv", 2**63)[0] == b""
    for name in ("../images.csv", str(tmp_path / "images.csv"), "", "other"):
        with pytest.raises(NotFoundError, match=r"has no file .*; it has images.csv"):
            exports.read(name, 0)
    (tmp_path / "images.csv").unlink()
    with pytest.raises(NotFoundError, match=r"cannot be read .*; export again"):
        exports.read("images.csv", 0)


def test_what_a_run_ends_with_is_offered_beside_what_was_exported(tmp_path: Path) -> None:
    for name in ("final_model.ckpt", "metrics.csv", "images.csv", "odd name.csv"):
        (tmp_path / name).write_bytes(name.encode())
    exports = Exports(Export(DONE, "csv  /out", {"images.csv": tmp_path / "images.csv"}, number=3))
    exports.keep([tmp_path / name for name in ("final_model.ckpt", "metrics.csv", "odd name.csv", "gone.png")])
    assert list(exports.newest.files) == ["images.csv", "final_model.ckpt", "metrics.csv"]
    assert (exports.newest.number, exports.newest.text) == (4, "csv  /out")
    assert exports.read("final_model.ckpt", 6)[0] == b"model.ckpt"
    after_failure = Exports(Export(FAILED, "the disk is full", number=1))
    after_failure.keep([tmp_path / "metrics.csv"])
    assert (after_failure.newest.state, after_failure.newest.text) == (DONE, "")
    at_work, nothing = Exports(Export(WORKING, number=2)), Exports()
    at_work.keep([tmp_path / "metrics.csv"])
    nothing.keep([tmp_path / "gone.png"])
    assert at_work.newest.state == WORKING and nothing.newest == Export()
