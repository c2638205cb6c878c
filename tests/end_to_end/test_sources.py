"""Whole runs on a list of files, and on images in an S3 bucket."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.support.command import HOG, run_command
from tests.support.object_store import BUCKET, client, object_store, upload
from tests.support.pictures import draw_data_set, picture

LOOP = ("--simulate", "ring", "--auto", "--rounds", "1", "--sample-size", "6", "--seed-count", "8", "--port", "0")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    draw_data_set(tmp_path / "data", positives=12, negatives=48)
    picture("ring", np.random.default_rng(99)).save(tmp_path / "reference.png")
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def rows(work: Path) -> dict[str, str]:
    with (work / "runtime" / "final_dataset.csv").open() as file:
        return {row["path"]: row["side"] for row in csv.DictReader(file)}


def test_a_run_on_a_list(work: Path) -> None:
    names = sorted(file.name for file in (work.parent / "data/Unlabeled").iterdir())[:50]
    lines = [f"../data/Unlabeled/{name}\n" for name in [*names, "absent.png"]]
    (work / "some.csv").write_text("path\n" + "".join(lines))
    done = run_command("run", *HOG, "--data", "some.csv", "--reference", "../reference.png", *LOOP, cwd=work)
    assert done.returncode == 0, done.stderr
    assert "Listed 51 images" in done.stdout and "1 are not there, absent.png for example" in done.stdout
    assert set(rows(work)) >= set(names)
    assert "absent.png,the file cannot be read: No such file" in (work / "runtime/quarantine.csv").read_text()
    assert len(list((work / "final_dataset").rglob("*.png"))) == 50


def test_a_run_on_a_bucket_that_grows(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with object_store(monkeypatch):
        upload(work.parent / "data", "set")
        first = run_command(
            "run", *HOG, "--data", f"s3://{BUCKET}/set", "--reference", "../reference.png", *LOOP[:2], *LOOP[5:],
            cwd=work, typed="l\n",
        )  # fmt: skip
        assert "resume" in first.stderr, first.stderr
        picture("ring", np.random.default_rng(5)).save(work.parent / "new_ring.png")
        client().upload_file(str(work.parent / "new_ring.png"), BUCKET, "set/new_ring.png")
        added = run_command("add", cwd=work)
        assert "1 new image" in added.stdout, added.stderr
        done = run_command("resume", "runtime", "--auto", "--rounds", "1", cwd=work)
    assert done.returncode == 0, done.stderr
    assert len(rows(work)) == 61 and "new_ring.png" in rows(work)
    assert (work / "final_dataset").is_dir()


def test_wrong_sources_are_told_before_anything_starts(work: Path) -> None:
    for data, sentence in {
        "absent.csv": "does not exist",
        "../reference.png": "is a file; give the folder that holds the images, or a list of them",
        "nonsense://a/b": "nonsense://a/b cannot be used: Protocol not known",
    }.items():
        done = run_command("run", *HOG, "--data", data, "--reference", "../reference.png", *LOOP, cwd=work)
        assert done.returncode == 2 and sentence in " ".join(done.stderr.split()), done.stderr
        assert not (work / "runtime/run.json").exists()
