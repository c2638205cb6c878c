"""Images that come into the folder while there is a run: numbers stay, only they are embedded, and the run goes on with them."""

from __future__ import annotations

import csv
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from orchestrator.journal import read_entries
from services.common.blocks import read_block
from tests.support.command import HOG, label_rows, run_command, start_command
from tests.support.pictures import draw_data_set, picture

LOOP = ("--simulate", "ring", "--sample-size", "6", "--seed-count", "10", "--port", "0")


def place(folder: Path, images: int) -> Path:
    """``folder/data``, a reference image, and the empty working directory ``folder/work``."""
    draw_data_set(folder / "data", positives=images // 5, negatives=images - images // 5)
    picture("ring", np.random.default_rng(99)).save(folder / "reference.png")
    (folder / "work").mkdir()
    return folder / "work"


def draw_more(root: Path, names: list[str]) -> None:
    rng = np.random.default_rng(77)
    for name in names:
        picture("ring" if "ring" in name else "bar", rng).save(root / name)


def arguments(work: Path) -> list[str | Path]:
    data = work.parent
    return ["run", *HOG, "--data", data / "data", "--reference", data / "reference.png", *LOOP]


def steps(work: Path) -> dict[str, dict[str, int]]:
    return {str(e["step"]): e["result"] for e in read_entries(work / "runtime" / "journal.jsonl")[0]}  # type: ignore[misc]


def table(work: Path) -> list[str]:
    with (work / "runtime" / "final_dataset.csv").open() as file:
        return [row["path"] for row in csv.DictReader(file)]


def test_a_run_at_rest_takes_in_what_is_new_and_goes_on(tmp_path: Path) -> None:
    work = place(tmp_path, 300)
    root = tmp_path / "data" / "Unlabeled"
    first = run_command(*arguments(work), cwd=work, typed="10\n0\nl\n")  # one round, then nobody answers
    assert first.returncode != 0 and "resume" in first.stderr
    labels = label_rows(work / "runtime")
    blocks = {file.name: file.read_bytes() for file in (work / "runtime/artifacts/blocks").glob("*.npz")}
    nothing = run_command("add", cwd=work)
    assert (nothing.returncode, "Nothing to add: 0 new images" in nothing.stdout) == (0, True), nothing.stderr

    draw_more(root, ["0000_0_ring.png", "0150_0_ring.png", "9999_bar.png"])  # also before and among the others
    (root / "9999_broken.png").write_bytes(b"no image")
    (root / sorted(p.name for p in root.iterdir() if "bar" in p.name)[3]).unlink()
    added = run_command("add", "runtime", cwd=work)
    assert added.returncode == 0, added.stderr
    assert "4 new images, 1 are gone; go on with `active-labeler resume" in " ".join(added.stdout.split())
    new = [file for file in (work / "runtime/artifacts/blocks").glob("*.npz") if file.name not in blocks]
    assert len(new) == 1
    grown = read_block(new[0])  # block 1: 44 rows of before, bit by bit, and the four
    before = next(
        c for c in (read_block(work / "runtime/artifacts/blocks" / n) for n in blocks) if len(c.vectors) == 44
    )
    assert len(grown.vectors) == 48 and np.array_equal(grown.vectors[:44], before.vectors)
    assert grown.vectors[44:47].any(axis=1).all() and list(grown.quarantined) == [47]

    done = run_command("resume", "runtime", "--auto", "--rounds", "2", cwd=work)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Looked for images that were added: 4 new images" in done.stdout
    found = steps(work)
    assert found["catalog"]["images"] == 300 and found["round-2/added"]["images"] == 304
    assert label_rows(work / "runtime")[: len(labels)] and set(labels) <= set(label_rows(work / "runtime"))
    assert {"0000_0_ring.png", "0150_0_ring.png", "9999_bar.png"} <= set(table(work))
    quarantine = (work / "runtime" / "quarantine.csv").read_text()
    assert "9999_broken.png" in quarantine and not (work / "runtime" / "add.request").exists()
    late = run_command("add", "runtime", cwd=work)
    assert late.returncode == 4 and "is finished; start another one" in late.stderr
    again = run_command("replay", "runtime", cwd=work)
    assert again.returncode == 0 and "came out as they were" in again.stdout, again.stderr


def test_what_is_added_before_the_end_is_classified_by_the_newest_head(tmp_path: Path) -> None:
    work = place(tmp_path, 120)
    run_command(*arguments(work), cwd=work, typed="10\n0\nl\n")
    draw_more(tmp_path / "data" / "Unlabeled", ["new_ring.png"])
    assert run_command("add", cwd=work).returncode == 0
    done = run_command("resume", "runtime", cwd=work, typed="q\n")
    assert done.returncode == 0, done.stderr
    assert "round-2/score-added" in steps(work) and "new_ring.png" in table(work)
    probabilities = (work / "probabilities.csv").read_text()
    assert "ring" in probabilities and "new_ring" not in probabilities  # it was in the pool of no round


@pytest.mark.slow
def test_a_run_at_work_takes_them_in_at_its_next_round(tmp_path: Path) -> None:
    work = place(tmp_path, 200)
    process = start_command(*arguments(work), "--auto", "--rounds", "12", cwd=work)
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end and "round-1/label" not in _known(work):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGSTOP)  # it must not be through before the images are there
    draw_more(tmp_path / "data" / "Unlabeled", [f"new_{n}_ring.png" for n in range(5)])
    added = run_command("add", "runtime", cwd=work)
    os.kill(process.pid, signal.SIGCONT)
    assert added.returncode == 0 and "takes them in when its next round begins" in added.stdout, added.stderr
    assert process.wait(180) == 0, (work / "output.txt").read_text()
    assert [s for s in steps(work) if s.endswith("/added")]
    assert {f"new_{n}_ring.png" for n in range(5)} <= set(table(work))
    new = {item for item, _, _ in label_rows(work / "runtime") if item >= 200}
    assert new, "rings that look like those that were found are asked about"


def _known(work: Path) -> set[str]:
    journal = work / "runtime" / "journal.jsonl"
    return set(steps(work)) if journal.exists() else set()


def test_what_cannot_grow_is_said(tmp_path: Path) -> None:
    absent = run_command("add", "runtime", cwd=tmp_path)
    assert absent.returncode == 2 and "there is no run in" in absent.stderr
