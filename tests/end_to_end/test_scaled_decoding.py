"""A whole run that chooses scaled decoding by its own images, and whose final model reads files in the same way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import active_labeler
from tests.support.command import run_command
from tests.support.pictures import picture

RUN = ("run", "--data", "data", "--reference", "reference.png", "--port", "0", "--simulate", "ring", "--auto")
FEW = ("--seed-count", "8", "--sample-size", "4", "--set", "auto.rounds=1", "--set", "device=cpu")
HOG = ("--set", "encoder.builtin=hog")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """1,000 names of a few JPEG files that are large for the encoder."""
    rng = np.random.default_rng(5)
    (tmp_path / "data").mkdir()
    for number in range(12):
        kind = "ring" if number < 4 else "bar"
        image = picture(kind, rng, 48).resize((480, 480), Image.Resampling.BICUBIC)
        image.save(tmp_path / f"{number}.jpg", quality=95)
        for copy in range(84):
            (tmp_path / "data" / f"{kind}-{number:02d}-{copy:02d}.jpg").hardlink_to(tmp_path / f"{number}.jpg")
    picture("ring", np.random.default_rng(9), 48).save(tmp_path / "reference.png")
    return tmp_path


@pytest.mark.slow
def test_auto_is_told_kept_and_carried_to_the_final_model(place: Path) -> None:
    done = run_command(*RUN, *FEW, *HOG, "--output", "output", cwd=place)
    assert done.returncode == 0, done.stderr
    assert (
        "Images are decoded scaled, large JPEG files at a part of their size: cosine to exact decoding at least 0.99"
        in done.stdout
    )
    journal = {entry["step"]: entry["result"] for entry in map(json.loads, (place / "runtime/journal.jsonl").open())}
    assert (journal["encoder"]["decode"], journal["reading"]["decode"]) == ("exact", "scaled")
    assert active_labeler.load_model(place / "output" / "final_model.ckpt").spec.decode == "scaled"
    status = run_command("status", "runtime", cwd=place)
    assert "decoded     scaled, large JPEG files at a part of their size" in status.stdout
    exact = run_command(
        *RUN, *FEW, *HOG, "--set", "encoder.decode=exact", "--runtime", "r2", "--output", "o2", cwd=place
    )
    assert exact.returncode == 0 and "Images are decoded" not in exact.stdout, exact.stderr
    assert active_labeler.load_model(place / "o2" / "final_model.ckpt").spec.decode == "exact"
