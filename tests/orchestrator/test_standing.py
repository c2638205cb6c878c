"""``active-labeler status`` at every stage of a run, here and in a deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.clients.labeler import Annotator, QueueState
from orchestrator.figures import people_lines
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


def test_a_finished_run_keeps_its_lights_and_audits_stand_apart(folder: RunFolder) -> None:
    light = {"colour": "green", "text": "At least 91 %"}
    assessed = {"head": light, "coverage": light, "audit": light, "advice": "You can finish.", "audited_at_least": 0.0}
    journal = Journal(folder.journal)
    for step, result in (
        ("round-2/certainty-1/label", {"positive": 2, "negative": 50, "unsure": 1}),
        ("round-2/certainty-2/label", {"positive": 3, "negative": 90, "unsure": 1}),  # of both
        ("round-2/label", {"positive": 8, "negative": 100, "unsure": 2}),
        ("round-2/assess", assessed),
        ("finish", {"report": "The report"}),
    ):
        journal.once(step, object, lambda r=result: r)  # type: ignore[misc]
    told = describe(folder)
    assert "\n  audit before round 2 3 positive, 90 negative, 1 unsure\n" in told
    assert "\n  round 2     5 positive, 10 negative, 1 unsure\n" in told
    assert "\n  audit       [green] At least 91 %\n  finished\nThe report" in told  # and no advice
    assert "8 positive in 108 labels" in told
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


def test_a_question_that_may_stay_open_is_no_wait(folder: RunFolder, servicer: control.Control) -> None:
    wish = control_pb2.Question(id="wish", text="At any time: finish [q]", choices=["q"], optional=True)
    servicer.status = control_pb2.RunStatus(run="r", state="labeling", step="round-2/label", question=wish)
    assert describe(folder).endswith("\n  at work (labeling, step round-2/label)")


HEAD = {"validation": {"f1": 0.5, "precision": 0.75, "recall": float("nan"), "accuracy": 1.0, "images": 8}}
LIGHT = {"colour": "green", "text": "settled"}
ASSESSED = {"head": LIGHT, "coverage": LIGHT, "audit": LIGHT, "audited_at_least": 0.5, "advice": "Go on"}
OF_ROUNDS = [
    ("catalog", {"images": 102}),
    ("embed", {"quarantined": 2}),
    ("seed-0/label", {"positive": 1, "negative": 2, "unsure": 0}),
    ("seed-1/label", {"positive": 2, "negative": 4, "unsure": 1}),  # the sums of the seed set
    ("round-1/train", HEAD | {"validation": HEAD["validation"] | {"f1": 0.25}}),
    ("round-1/label", {"positive": 3, "negative": 1, "unsure": 0}),
    ("round-1/assess", ASSESSED | {"audited_at_least": 0.0}),
]
AUDITED = [
    ("round-2/certainty-1/label", {"positive": 1, "negative": 4, "unsure": 0}),
    ("round-2/train", HEAD),
    ("round-2/label", {"positive": 3, "negative": 7, "unsure": 0}),  # those of the audit among them
    ("round-2/assess", ASSESSED),
]


@pytest.fixture
def steps(folder: RunFolder) -> Iterator[Callable[[list[tuple[str, object]]], str]]:
    """Writes steps into the journal, and says what `status` tells then, of a run that rests."""
    journals: list[Journal] = []

    def write(steps: list[tuple[str, object]]) -> str:
        journal = Journal(folder.journal)
        journals.append(journal)
        for step, result in steps:
            journal.once(step, object, lambda r=result: r)  # type: ignore[misc]
        journal.close()
        return describe(folder)

    yield write


def test_the_figures_of_a_run_that_rests(steps: Callable[[list[tuple[str, object]]], str]) -> None:
    told = steps(OF_ROUNDS)
    assert "\n  found       5 positive in 10 labels (50 %)\n" in told
    assert "\n  newest head round 1: F1 25 %, precision 75 %, recall –, accuracy 100 %, on 8 images held out\n" in told
    assert "positives " not in told, "no audit has bounded it"
    told = steps(AUDITED)
    assert "\n  found       8 positive in 20 labels (40 %)\n" in told
    assert "\n  newest head round 2: F1 50 %," in told
    assert "\n  positives   8.0 % of all images are found, 16 % is what the audit leaves room for\n" in told
    told = steps([("finish", {"report": "The report"})])
    assert "\n  found       8 positive in 20 labels (40 %)\n" in told
    assert told.endswith("\n  finished\nThe report")


BOUNDS = {"at_least": 3, "at_most": 12, "images": 100, "drawn": 60, "sentence": "3 to 12 of 100"}


def test_how_many_there_are_by_a_draw_while_embedding(steps: Callable[[list[tuple[str, object]]], str]) -> None:
    told = steps([("early/draw", {"items": [1], "pool": 102})])
    assert "\n  next        embed the images\n" in told
    told = steps([*OF_ROUNDS, ("early/prevalence", BOUNDS | {"drawn": 0})])
    assert "positives " not in told, "nobody has answered"
    told = steps([("early/over", 0)])
    assert "\n  next        the next question\n" in told
    told = steps([("seed/prevalence", BOUNDS)])
    assert "\n  positives   5.0 % to 12 % of all images, by 60 drawn by lot (95 % confidence)\n" in told, "5 are found"
    told = steps([*AUDITED, ("round-2/prevalence", BOUNDS | {"audited": True})])
    assert "is what the audit leaves room for" in told


def test_a_draw_says_nothing_of_images_that_were_added(steps: Callable[[list[tuple[str, object]]], str]) -> None:
    assert "by 60 drawn by lot" in steps([*OF_ROUNDS, ("seed/prevalence", BOUNDS)])
    assert "drawn by lot" not in steps([("round-2/embed-added", {"quarantined": 2})])


def test_labels_of_a_seed_folder_are_told_beside(steps: Callable[[list[tuple[str, object]]], str]) -> None:
    told = steps([("seed-folder", 12), *OF_ROUNDS])
    assert "\n  found       5 positive in 10 labels (50 %), and 12 images of the seed folder\n" in told


def test_before_a_label_there_are_no_figures(steps: Callable[[list[tuple[str, object]]], str]) -> None:
    told = steps(OF_ROUNDS[:2])
    assert not any(word in told for word in ("found", "newest head", "positives", "queue", "people"))


def test_the_figures_of_a_run_at_work(
    folder: RunFolder, servicer: control.Control, steps: Callable[[list[tuple[str, object]]], str]
) -> None:
    servicer.status = control_pb2.RunStatus(run="r", state="running", step="embed", labels=40, positives=10)
    servicer.dashboard.prevalence_at_least, servicer.dashboard.prevalence_at_most = 0.1, 0.1241
    servicer.dashboard.step, servicer.dashboard.done, servicer.dashboard.total = "Embedding", 3200, 10000
    servicer.dashboard.per_second = 200
    told = steps([*OF_ROUNDS, *AUDITED])
    assert "\n  found       10 positive in 40 labels (25 %)\n" in told, "as of now, and not as the journal has it"
    assert "\n  positives   10 % of all images are found, 12 % is what the audit leaves room for\n" in told
    assert "\n  embedding   3,200 of 10,000, 200 a second, 0:00:34 left\n" in told
    servicer.dashboard.prevalence_drawn = 1200
    assert "\n  positives   10 % to 13 % of all images, by 1,200 drawn by lot (95 % confidence)\n" in describe(folder)


@pytest.mark.parametrize("rate", [float("nan"), 0.0])
def test_a_pace_that_is_not_known_yet(folder: RunFolder, servicer: control.Control, rate: float) -> None:
    servicer.dashboard.step, servicer.dashboard.done, servicer.dashboard.total = "Embedding", 0, 10000
    servicer.dashboard.per_second = rate
    assert "\n  embedding   0 of 10,000\n" in describe(folder)


def test_a_slow_pace_has_a_decimal(folder: RunFolder, servicer: control.Control) -> None:
    servicer.dashboard.step, servicer.dashboard.done, servicer.dashboard.total = "Labeling", 5, 20
    servicer.dashboard.per_second = 0.25
    assert "\n  labeling    5 of 20, 0.2 a second, 0:01:00 left\n" in describe(folder)


def test_a_table_of_people() -> None:
    nan = float("nan")
    people = [Annotator("ann", 120, 30, 6, 2, 24.4, 10, 9), Annotator("bob\x1b[2J", 0, 0, 0, 0, nan, 0, 0)]
    assert people_lines(people, 0.834) == [
        "  people      answers   yes  unsure  taken back  a minute  agreement",
        "  ann             120  25 %   5.0 %           2        24       90 %",
        "  bob\\x1b[2J        0     –       –           0         –          –",
        "  alpha       0.83 (Krippendorff's: 1 is full agreement, 0 what chance gives)",
    ]
    assert people_lines([], nan) == []


@pytest.mark.parametrize("content", [b"", b"[]", b'{"labeler": 7, "control": null}', b'{"labeler": "unix:/gone.sock"}'])
def test_addresses_of_services_that_are_gone(folder: RunFolder, content: bytes) -> None:
    journal = Journal(folder.journal)
    folder.services.write_bytes(content)
    assert describe(folder).endswith("\n  at work")
    journal.close()


def test_a_question_of_a_run_that_was_started_here(folder: RunFolder, tmp_path: Path) -> None:
    made = control.Control()
    made.status = control_pb2.RunStatus(run="r", state="asking", question=control.QUESTION)
    server = rpc.serve([control.registration(made)], f"unix:{tmp_path}/own.sock")
    journal = Journal(folder.journal)
    folder.services.write_text(f'{{"control": "{server.address}", "labeler": null}}')
    try:
        assert describe(folder).splitlines()[-2:] == [
            "  waits for an answer: Train [l] or finish [q]? [l/q]",
            "  answer it where it was started, or on the page",
        ]
        journal.close()
        assert "not at work" in describe(folder), "an address that a killed run has left is not asked"
    finally:
        server.stop(0)
