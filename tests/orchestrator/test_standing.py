"""``active-labeler status`` at every stage of a run, here and in a deployment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.clients.labeler import QueueState
from orchestrator.folder import RunFolder
from orchestrator.journal import Journal
from orchestrator.queue_note import note_queue
from orchestrator.standing import describe
from protos import control_pb2, rpc
from tests.support import control

LABELS = {"position": 9, "positive": 3, "negative": 4, "unsure": 1}
STEPS: list[tuple[str, object, list[str]]] = [
    ("catalog", {"images": 120}, ["images      120", "next        read the encoder"]),
    ("encoder", {}, ["last step   encoder", "next        embed the images"]),
    ("reference", [[1.0]], ["next        embed the images"]),
    ("embed", {"quarantined": 2}, ["embedded    all but 2 that cannot be read", "next        the first question"]),
    ("seed-0/count", "8", ["next        pick the images of the seed set"]),
    ("seed-0/select", [], ["next        put the picked images on offer"]),
    ("seed-0/offer", {"position": 0, "cards": 8}, ["on offer    8 images", "next        label the images on offer"]),
    ("seed-0/label", LABELS, ["seed set    3 positive, 4 negative, 1 unsure", "next        the next question"]),
    ("seed-1/count", "0", ["next        "]),
    ("round-1/choice", "f", ["next        train"]),
    ("round-1/labels", 9, ["next        train"]),
    ("round-1/fine-tune", {}, ["next        embed the images with the new encoder"]),
    ("round-1/embed", {}, ["next        score the pool"]),
    ("round-1/score", {}, ["next        pick images to label"]),
    ("round-1/select", [], ["next        put the picked images on offer"]),
    ("round-1/offer", {"position": 9, "cards": 20}, ["on offer    20 images"]),
    ("round-1/label", LABELS, ["round 1     3 positive, 4 negative, 1 unsure"]),
    ("round-2/choice", "q", []),
    ("finish/labels", 30, ["next        train"]),
    ("finish/train", {}, ["next        score the pool"]),
    ("finish/score", {}, ["next        write the data set and the model"]),
]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path, "r")


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The address of an orchestrator that does not answer yet."""
    address = f"unix:{tmp_path}/control.sock"
    monkeypatch.setenv("ACTIVE_LABELER_CONTROL", address)
    return address


@pytest.fixture
def servicer(away: str) -> Iterator[control.Control]:
    made = control.Control()
    server = rpc.serve([control.registration(made)], away)
    yield made
    server.stop(0)


def test_before_the_first_step(folder: RunFolder) -> None:
    assert describe(folder).splitlines() == [
        f"Run r in {folder.path}",
        "  last step   none yet",
        "  next        list the images",
        f"  not at work; go on with `active-labeler resume {folder.path}`",
    ]


def test_after_every_step(folder: RunFolder) -> None:
    journal = Journal(folder.journal)
    for step, result, expected in STEPS:
        journal.once(step, object, lambda r=result: r)  # type: ignore[misc]
        told = describe(folder)
        assert f"last step   {step}\n" in told
        for line in expected:
            assert f"\n  {line}" in told, step
        assert told.endswith("\n  at work")
    assert "on offer" not in told
    journal.close()
    assert "not at work; go on with" in describe(folder)
    journal = Journal(folder.journal)
    journal.once("finish", dict[str, str], lambda: {"report": "The report"})
    assert describe(folder).endswith("\n  finished\nThe report")
    journal.close()


def test_how_far_a_batch_is(folder: RunFolder) -> None:
    journal = Journal(folder.journal)
    journal.once("round-2/offer", dict[str, int], lambda: {"position": 9, "cards": 20})
    note_queue(folder.path, 1, QueueState(open=0, positive=9, negative=9, unsure=2, withdrawn=0, last=20))
    assert "  on offer    20 images\n" in describe(folder)
    note_queue(folder.path, 2, QueueState(open=15, positive=3, negative=2, unsure=0, withdrawn=0, last=25))
    assert "  on offer    5 answered (3 positive, 2 negative, 0 unsure), 15 to go\n" in describe(folder)
    journal.close()


def test_a_question_in_a_deployment(folder: RunFolder, servicer: control.Control) -> None:
    servicer.status = control_pb2.RunStatus(run="r", state="asking", question=control.QUESTION)
    assert "waits for an answer: Train [l] or finish [q]? [l/q]\n" in describe(folder)


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_an_end_in_a_deployment(folder: RunFolder, servicer: control.Control, state: str) -> None:
    servicer.status = control_pb2.RunStatus(run="r", state=state, message="the index is away")
    told = describe(folder)
    assert f"  {state}: the index is away\n" in told
    assert told.endswith(f"go on with `active-labeler resume {folder.path}`")


def test_work_in_a_deployment(folder: RunFolder, servicer: control.Control) -> None:
    servicer.status = control_pb2.RunStatus(run="r", state="running", step="embed")
    assert describe(folder).endswith("\n  at work (running, step embed)")


def test_an_orchestrator_that_does_not_know_the_run(folder: RunFolder, servicer: control.Control) -> None:
    servicer.status = None
    assert "  not at work; go on with" in describe(folder)


def test_an_orchestrator_that_is_away(folder: RunFolder, away: str) -> None:
    assert "  not at work; go on with" in describe(folder)
