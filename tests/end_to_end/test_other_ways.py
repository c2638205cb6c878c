"""Ways through the loop that are not the straight one, each a whole run."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from orchestrator.journal import Journal, read_entries
from tests.support.command import HOG, label_rows, run_command
from tests.support.pictures import draw_data_set, picture
from tests.support.reference_encoders import build, foreign_packages, lightning, save


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``data`` (8 rings, 22 bars), ``reference.png`` and ``encoder.ckpt``."""
    folder = tmp_path_factory.mktemp("ways")
    draw_data_set(folder / "data", positives=8, negatives=22)
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    with foreign_packages():
        save(folder / "encoder.ckpt", lightning(build("minicnn32"), 32))
    return folder


def _common(place: Path) -> list[str | Path]:
    return ["run", *HOG, "--data", place / "data", "--port", "0", "--sample-size", "4", "--simulate", "ring"]


def _near(place: Path) -> list[str | Path]:
    return [*_common(place), "--reference", place / "reference.png"]


def _table(work: Path) -> list[dict[str, str]]:
    with (work / "runtime" / "final_dataset.csv").open() as file:
        return list(csv.DictReader(file))


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_finish_first_learns_the_seed_labels(place: Path, tmp_path: Path) -> None:
    done = run_command(*_near(place), cwd=tmp_path, typed="10\n0\nq\n")
    assert done.returncode == 0, done.stderr
    assert len(label_rows(tmp_path / "runtime")) == 10
    assert (tmp_path / "final_model.ckpt").exists()
    assert len(_table(tmp_path)) == 30


def test_no_seed_and_finish_leaves_nothing_but_says_so(place: Path, tmp_path: Path) -> None:
    done = run_command(*_near(place), cwd=tmp_path, typed="0\nq\n")
    assert done.returncode == 0, done.stderr
    assert "only the labelled images" in done.stdout
    assert _table(tmp_path) == []
    assert not (tmp_path / "final_model.ckpt").exists()


def test_one_class_only_has_no_model(place: Path, tmp_path: Path) -> None:
    arguments = [*_near(place)[:-3], "_", "--reference", place / "reference.png"]  # every name has an underscore
    done = run_command(*arguments, cwd=tmp_path, typed="5\n0\nl\nq\n")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "final_model.ckpt").exists()
    assert len(_table(tmp_path)) == 9
    assert {row["source"] for row in _table(tmp_path)} == {"label"}


def test_seed_numbers_are_eighty_to_twenty_and_may_be_asked_again(place: Path, tmp_path: Path) -> None:
    done = run_command(*_near(place), cwd=tmp_path, typed="99999999999\n7\n1\n5\n0\nq\n")
    assert done.returncode == 0, done.stderr
    assert "too many" in done.stdout
    assert "labelled already; a larger number reaches further" in done.stdout  # the nearest of an image is itself
    steps = {entry["step"]: entry["result"] for entry in read_entries(tmp_path / "runtime" / "journal.jsonl")[0]}
    first = [pick["reason"] for pick in steps["seed-0/select"]]
    assert (first.count("neighbour"), first.count("random")) == (5, 2)
    assert steps["seed-1/select"] == []
    second = [pick["reason"] for pick in steps["seed-2/select"]]
    assert second.count("random") == round(second.count("neighbour") / 4)
    items = [item for item, _, _ in label_rows(tmp_path / "runtime")]
    assert len(items) == len(set(items)) == len(first) + len(second)


def test_fine_tuning_embeds_and_indexes_again(place: Path, tmp_path: Path) -> None:
    rates = ("--set", "fine_tune.epochs=12", "--set", "fine_tune.encoder_lr=0.02", "--set", "head.lr=0.02")
    more = ("--encoder", place / "encoder.ckpt", "--set", "encoder.image_size=32", *rates)
    before = {file.name: _digest(file) for file in (place / "data" / "Unlabeled").iterdir()}
    done = run_command(*_near(place), *more, cwd=tmp_path, typed="24\n0\nf\nl\nq\n")
    assert done.returncode == 0, done.stderr
    assert "The new encoder is kept" in done.stdout, "one that is refused embeds nothing, see test_replay.py"
    assert done.stdout.count("Embedded 30 images") == 2
    assert done.stdout.count("Built an index") == 2
    assert pd.read_csv(tmp_path / "metrics.csv")["model_type"].tolist() == ["f", "l"]
    assert before == {file.name: _digest(file) for file in (place / "data" / "Unlabeled").iterdir()}


def test_a_seed_folder_with_a_broken_image(place: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(place / "data", data)
    images = sorted(file.name for file in (data / "Unlabeled").iterdir())
    rings, bars = [n for n in images if "ring" in n][:3], [n for n in images if "bar" in n][:3]
    for side, names in (("positive", rings), ("negative", bars)):
        (tmp_path / "seed" / side).mkdir(parents=True)
        for name in names:
            (tmp_path / "seed" / side / name).write_bytes(b"")
    (data / "Unlabeled" / rings[0]).write_bytes(b"no image any more")
    arguments = ["run", *HOG, "--data", data, "--seed-folder", tmp_path / "seed", "--simulate", "ring", "--port", "0"]
    done = run_command(*arguments, "--auto", "--rounds", "20", "--sample-size", "6", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(label_rows(tmp_path / "runtime")) == 30  # the seed, and every readable image was asked about
    assert rings[0] not in {row["path"] for row in _table(tmp_path)}
    assert sum(number == 0 for _, _, number in label_rows(tmp_path / "runtime")) == 6


@pytest.mark.long
def test_a_run_that_exhausts_the_pool_replays_to_the_same_end(place: Path, tmp_path: Path) -> None:
    done = run_command(*_near(place), "--auto", "--rounds", "99", "--seed-count", "6", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    metrics, model = (tmp_path / "metrics.csv").read_text(), _digest(tmp_path / "final_model.ckpt")
    assert len(metrics.splitlines()) == 1 + 6
    journal = tmp_path / "runtime" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(line for line in lines if b'"step": "finish' not in line))  # as after a kill
    again = run_command("resume", tmp_path / "runtime", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "metrics.csv").read_text() == metrics
    assert _digest(tmp_path / "final_model.ckpt") == model
    (tmp_path / "metrics.csv").write_text("mine\n")
    exported = run_command("export", tmp_path / "runtime", "--output", tmp_path / "out", cwd=tmp_path)
    assert "6 rounds" in exported.stdout
    assert (tmp_path / "metrics.csv").read_text() == "mine\n"


def test_a_second_command_does_not_disturb_a_run_at_work(place: Path, tmp_path: Path) -> None:
    ended = run_command(*_near(place), cwd=tmp_path, typed="")
    assert ended.returncode == 2
    assert (tmp_path / "runtime" / "run.json").exists()  # it waits at its first question
    journal = Journal(tmp_path / "runtime" / "journal.jsonl")  # somebody is at work
    refused = run_command("resume", tmp_path / "runtime", cwd=tmp_path)
    assert refused.returncode == 4
    assert "another process" in refused.stderr
    journal.close()
    done = run_command("resume", tmp_path / "runtime", cwd=tmp_path, typed="8\n0\nq\n")
    assert done.returncode == 0, done.stderr


def test_settings_that_would_make_another_run_are_refused_on_resume(place: Path, tmp_path: Path) -> None:
    run_command(*_near(place), cwd=tmp_path, typed="8\n0\n")
    refused = run_command("resume", "runtime", "--set", "labeling.pos_class=bar", cwd=tmp_path)
    assert refused.returncode == 4
    assert "labeling.pos_class" in refused.stderr
    changed = run_command(*_near(place), "--resume", "--strategy", "random", cwd=tmp_path)
    assert changed.returncode == 4
    assert "sampling.strategy" in changed.stderr
    done = run_command("resume", "runtime", "--auto", "--rounds", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {number for _, _, number in label_rows(tmp_path / "runtime")} == {0, 1}


def test_neighbours_of_the_picks_are_asked_too(place: Path, tmp_path: Path) -> None:
    more = ("--set", "sampling.neighbours=true", "--set", "sampling.n_closest=3", "--auto", "--rounds", "1")
    done = run_command(*_near(place), *more, "--seed-count", "8", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    steps = {entry["step"]: entry["result"] for entry in read_entries(tmp_path / "runtime" / "journal.jsonl")[0]}
    reasons = [pick["reason"] for pick in steps["round-1/select"]]
    near = [reason for reason in reasons if reason.startswith("neighbour of")]
    assert len(reasons) - len(near) == 4
    assert len(near) <= 4 * 2
    items = [pick["item"] for pick in steps["round-1/select"]]
    assert len(items) == len(set(items))


def test_equal_names_elsewhere_are_other_images(tmp_path: Path) -> None:
    for folder, colour in (("one", 40), ("two", 200)):
        (tmp_path / folder).mkdir()
        for number in range(4):
            file = tmp_path / folder / f"{'ring' if number % 2 else 'bar'}{number}.bmp"
            Image.fromarray(np.full((16, 16, 3), colour + number, dtype=np.uint8)).save(file)
            stamp = (1_600_000_000, 1_600_000_000)
            os.utime(file, stamp)
    vectors = []
    for folder in ("one", "two"):
        more = (
            "--simulate",
            "ring",
            "--auto",
            "--rounds",
            "0",
            "--seed-count",
            "4",
            "--sample-size",
            "1",
            "--port",
            "0",
        )
        arguments = ["run", *HOG, "--data", tmp_path / folder, "--output", tmp_path / f"out-{folder}", *more]
        done = run_command(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        steps = {e["step"]: e["result"] for e in read_entries(tmp_path / "runtime" / "journal.jsonl")[0]}
        vectors.append(steps["embed"]["generation"]["vectors"]["sha256"])
        for file in ("run.json", "journal.jsonl", "run.yaml"):
            (tmp_path / "runtime" / file).unlink()
    assert vectors[0] != vectors[1]
