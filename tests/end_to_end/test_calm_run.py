"""A whole run from the command line: five processes, real images, simulated labels."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import active_labeler
from tests.support.command import HOG, label_rows, run_command
from tests.support.pictures import draw_data_set, picture

COMMON = ("--simulate", "ring", "--auto", "--rounds", "2", "--sample-size", "8", "--seed-count", "15", "--port", "0")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working directory of a run that has finished; the data set lies beside it in ``data``."""
    folder = tmp_path_factory.mktemp("calm")
    draw_data_set(folder / "data")
    (folder / "data" / "Unlabeled" / "broken.jpg").write_bytes(b"no image at all")
    picture("ring", np.random.default_rng(99)).save(folder / "reference.png")
    (folder / "work").mkdir()
    before = _digests(folder / "data")
    done = run_command(
        "run", *HOG, "--data", folder / "data", "--reference", folder / "reference.png", *COMMON, cwd=folder / "work"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert _digests(folder / "data") == before
    (folder / "work" / "stdout.txt").write_text(done.stdout)
    return folder / "work"


def _digests(folder: Path) -> dict[str, str]:
    return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.rglob("*")) if f.is_file()}


def test_the_report_says_what_was_found(finished: Path) -> None:
    text = (finished / "stdout.txt").read_text()
    for word in (
        "labels used",
        "positives found",
        "precision",
        "recall",
        "final_dataset",
        "final_model.ckpt",
        "metrics.csv",
    ):
        assert word in text


def test_every_readable_image_is_in_the_data_set_once(finished: Path) -> None:
    placed = [file.name for side in ("positive", "negative") for file in (finished / "final_dataset" / side).iterdir()]
    images = [file.name for file in (finished.parent / "data" / "Unlabeled").iterdir() if file.name != "broken.jpg"]
    assert sorted(placed) == sorted(images)


def test_each_image_is_where_its_label_or_the_model_says(finished: Path) -> None:
    model = active_labeler.load_model(finished / "final_model.ckpt")
    with (finished / "runtime" / "final_dataset.csv").open() as file:
        rows = list(csv.DictReader(file))
    root = finished.parent / "data" / "Unlabeled"
    probabilities = model.probabilities([root / row["path"] for row in rows])
    assert {row["source"] for row in rows} == {"label", "prediction"}
    for row, probability in zip(rows, probabilities, strict=True):
        by_label = "positive" if "ring" in row["path"] else "negative"
        by_model = "positive" if probability >= 0.5 else "negative"
        assert row["side"] == (by_label if row["source"] == "label" else by_model)
        assert float(row["probability"]) == pytest.approx(probability, abs=1e-4)


def test_the_quarantine_names_the_file_and_the_reason(finished: Path) -> None:
    with (finished / "runtime" / "quarantine.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == ["broken.jpg"]
    assert rows[0]["reason"]


def test_the_tables_have_a_row_and_a_column_a_round(finished: Path) -> None:
    metrics = pd.read_csv(finished / "metrics.csv")
    assert metrics["step"].tolist() == [1, 2]
    assert metrics["labeled_pos"].add(metrics["labeled_neg"]).tolist() == [8, 8]
    assert (metrics["pos_train_img"] + metrics["neg_train_imgs"]).tolist() == [15, 23]
    probabilities = pd.read_csv(finished / "probabilities.csv")
    assert probabilities["round_1"].notna().sum() == 120 - 15
    assert probabilities["round_2"].notna().sum() == 120 - 23


def test_the_original_s_files_are_there(finished: Path) -> None:
    runtime = finished / "runtime"
    assert (runtime / "annoy_file.ann").stat().st_size > 0
    labelled = [len(list((runtime / "swipe" / "labeled" / side).iterdir())) for side in ("positive", "negative")]
    assert sum(labelled) == 15 + 2 * 8
    assert (finished / "active_labeler.log").stat().st_size > 0
    assert (finished / "swipelabeler.log").exists()
    assert (runtime / "positives_found.png").read_bytes().startswith(b"\x89PNG")


def test_status_and_a_second_run_leave_it_alone(finished: Path) -> None:
    told = run_command("status", finished / "runtime", cwd=finished)
    assert "finished" in told.stdout
    rows = label_rows(finished / "runtime")
    data, reference = finished.parent / "data", finished.parent / "reference.png"
    again = run_command("run", *HOG, "--data", data, "--reference", reference, *COMMON, cwd=finished)
    assert again.returncode == 4
    assert "resume" in again.stderr
    other = run_command(
        "run", *HOG, "--data", data, "--reference", reference, "--runtime", "other", *COMMON, cwd=finished
    )
    assert other.returncode == 4
    assert "final_dataset" in other.stderr
    assert label_rows(finished / "runtime") == rows


def test_export_and_resume_of_a_finished_run(finished: Path) -> None:
    done = run_command("export", finished / "runtime", "--output", finished / "exported", cwd=finished)
    assert done.returncode == 0, done.stderr
    assert _sides(finished / "exported") == _sides(finished)
    resumed = run_command("resume", finished / "runtime", cwd=finished)
    assert resumed.returncode == 0, resumed.stderr
    assert "positives found" in resumed.stdout


def _sides(folder: Path) -> dict[str, list[str]]:
    root = folder / "final_dataset"
    return {side: sorted(file.name for file in (root / side).iterdir()) for side in ("positive", "negative")}
