"""Long answers in parts: the quarantine of a run as a JSON text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.clients.refs import ArtifactRef, EncoderRef, GenerationRef
from orchestrator.control import steering, values
from orchestrator.control.embedded import embedded_control
from orchestrator.control.events import EventAsker, EventLog
from orchestrator.control.manager import ManagedRun, RunManager
from orchestrator.folder import RunFolder
from orchestrator.model import Catalogued, Embedded, Model
from orchestrator.outputs.quarantine import read_quarantine, write_quarantine
from orchestrator.questions import TerminalAsker
from orchestrator.reporting import TerminalReporter
from orchestrator.service_settings import OrchestratorSettings
from protos import rpc
from protos.errors import ConflictError, InvalidInputError
from services.common.catalog import write_catalog
from tests.support import bench

NAMES = ["a.png", 'b,\r\n".png', "c\udcff.png"]


def test_the_reasons_come_by_item_in_parts(tmp_path: Path) -> None:
    server = rpc.serve([bench.labeler(lambda: "")], f"unix:{tmp_path}/s.sock")
    work = bench.run_on_bench(tmp_path, server.address)
    with work.store.writing("catalogs/c.sqlite") as writing:
        write_catalog(writing.path, tmp_path, [(name, 1, 1) for name in NAMES])
    work.catalogued = Catalogued(catalog=ArtifactRef.of(writing.artifact), images=3)
    assert json.loads(values._quarantine(work).part(0, 0)) == {}
    write_quarantine(work.folder.quarantine, {NAMES[1]: "the file is empty", NAMES[2]: "ä", "of another run.png": "x"})
    assert set(read_quarantine(work.folder.quarantine)) == {NAMES[1], NAMES[2], "of another run.png"}
    found = values._quarantine(work)
    parts = [found.part(first, 7) for first in range(0, found.rows, 7)]
    assert json.loads(b"".join(parts)) == {"1": "the file is empty", "2": "ä"}
    work.clients.close()
    work.journal.close()
    server.stop(0)


def test_a_run_without_anything_embedded_has_none(tmp_path: Path) -> None:
    folder, settings = RunFolder(tmp_path, "r"), bench.run_settings(tmp_path)
    with embedded_control(settings, folder, TerminalAsker(print), TerminalReporter(quiet=True)) as control:
        with pytest.raises(ConflictError, match="has nothing to show yet"):
            values.values_of(control.managed, "quarantine")
        with pytest.raises(InvalidInputError, match="ask for scores, quarantine or map"):
            values.values_of(control.managed, "colours")


def test_what_a_run_left_is_shown_after_its_end(tmp_path: Path) -> None:
    server = rpc.serve([bench.labeler(lambda: "")], f"unix:{tmp_path}/s.sock")
    work = bench.run_on_bench(tmp_path, server.address)
    with work.store.writing("catalogs/c.sqlite") as writing:
        write_catalog(writing.path, tmp_path, [(name, 1, 1) for name in NAMES])
    work.catalogued = Catalogued(catalog=ArtifactRef.of(writing.artifact), images=3)
    work.latest = model_of(3)
    write_quarantine(work.folder.quarantine, {NAMES[1]: "the file is empty"})
    events = EventLog("r")
    managed = ManagedRun(work.folder, work.settings, events, EventAsker(events), work=work)
    work.clients.close()
    server.stop(0)
    RunManager(OrchestratorSettings())._end(managed, "stopped")
    assert managed.work is None
    assert json.loads(values.values_of(managed, "quarantine").part(0, 0)) == {"1": "the file is empty"}
    assert values.values_of(managed, "scores").rows == 3
    with pytest.raises(ConflictError, match=r"not at work \(it is stopped\); resume it"):
        values.values_of(managed, "map")
    with pytest.raises(ConflictError, match=r"cannot take images just now \(it is stopped\)"):
        steering.queue_items(managed, [1])
    work.journal.close()


@pytest.mark.parametrize("items", [[], list(range(1001))])
def test_too_few_and_too_many_chosen_images_are_refused(tmp_path: Path, items: list[int]) -> None:
    folder, settings = RunFolder(tmp_path, "r"), bench.run_settings(tmp_path)
    with embedded_control(settings, folder, TerminalAsker(print), TerminalReporter(quiet=True)) as control:
        with pytest.raises(InvalidInputError, match="choose 1 to 1000"):
            steering.queue_items(control.managed, items)


def model_of(rows: int) -> Model:
    """What a loop knows before its first head."""
    file = ArtifactRef(path="none", sha256="0" * 64, bytes=1)
    generation = GenerationRef(
        id="0" * 32,
        vectors=file,
        present=file,
        index=file,
        rows=rows,
        dim=4,
        metric="euclidean",
        num_trees=1,
        n_jobs=1,
        seed=0,
    )
    encoder = EncoderRef(artifact=file, architecture="drawn", dim=4, image_size=32)
    return Model(encoder=encoder, embedded=Embedded(generation=generation, quarantined=1, blocks=file))
