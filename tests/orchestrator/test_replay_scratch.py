"""Which steps a replay computes again, and which it cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from orchestrator.folder import RunFolder
from orchestrator.journal import read_entries
from orchestrator.replay_scratch import computed, out_of_reach, scratch_folder


def generation(name: str) -> dict[str, Any]:
    return {"generation": {"vectors": {"path": f"vectors/{name}.npy"}}}


STEPS: dict[str, Any] = {
    "encoder": {},
    "embed": generation("a"),
    "seed-0/select": [],
    "round-1/train": {},
    "round-1/score": {},
    "round-1/select": [],
    "round-1/label": {},
    "round-2/fine-tune": {},  # by the vectors of before
    "round-2/embed": generation("b"),
    "round-2/score": {},
    "round-2/select": [],
    "round-3/embed-added": generation("c"),
    "round-3/score-added": {},
    "round-3/certainty-1/draw": {},
    "finish/labels": 1,
    "finish/train": {},
    "finish/score": {},
    "finish": {},
}
ALL = [step for step in STEPS if step.endswith(("train", "tune", "score", "added", "select", "draw"))][1:]


def test_heads_scores_and_choices_but_not_the_seed_set() -> None:
    assert computed(STEPS) == [step for step in ALL if step != "round-3/embed-added"]


def test_what_has_lost_its_vectors_is_out_of_reach(tmp_path: Path) -> None:
    (tmp_path / "vectors").mkdir()
    assert out_of_reach(STEPS, tmp_path) == set(computed(STEPS))
    for name in "bc":
        (tmp_path / f"vectors/{name}.npy").touch()
    assert out_of_reach(STEPS, tmp_path) == {"round-1/train", "round-1/score", "round-1/select", "round-2/fine-tune"}
    (tmp_path / "vectors/a.npy").touch()
    assert out_of_reach(STEPS, tmp_path) == set()


def test_a_journal_that_ends_in_the_middle_of_a_line_is_copied_up_to_there(tmp_path: Path) -> None:
    """A kill may leave part of a line; `resume` goes on from the one before."""
    folder, scratch = RunFolder(tmp_path / "run", "r"), tmp_path / "scratch"
    for made in (folder.labels, folder.artifacts / "heads", scratch):
        made.mkdir(parents=True)
    (folder.path / "run.json").touch()
    (folder.path / "run.yaml").touch()
    steps = {"encoder": {"artifact": {"path": "encoders/a"}}, "round-1/train": {}, "round-1/label": {}}
    lines = [json.dumps({"step": step, "result": result}) for step, result in steps.items()]
    folder.journal.write_text("\n".join(lines) + '\n{"step": "round-1/sco')
    copy = scratch_folder(folder, scratch, steps, set())
    assert [entry["step"] for entry in read_entries(copy.journal)[0]] == ["encoder", "round-1/label"]
