"""Whole runs with an ONNX file as encoder, and `encoder import` of one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import active_labeler
from tests.support.command import run_command
from tests.support.pictures import draw_data_set, picture

pytest.importorskip("onnx", reason="the packages of the extra `onnx` are not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
from tests.support import onnx_models as small


@pytest.fixture
def place(tmp_path: Path) -> Path:
    draw_data_set(tmp_path / "data", 10, 30, 24)
    picture("ring", np.random.default_rng(9), 24).save(tmp_path / "reference.png")
    small.save(tmp_path / "model.onnx", small.encoder(("n", 3, "h", "w")))
    (tmp_path / "model.json").write_text(json.dumps({"image_size": 24, "mean": small.MEAN, "std": small.STD}))
    return tmp_path


@pytest.mark.slow
def test_a_run_takes_the_file_and_its_model_goes_home(place: Path) -> None:
    run = ("run", "--data", place / "data", "--reference", "reference.png", "--encoder", "model.onnx", "--port", "0")
    labels = ("--seed-count", "10", "--sample-size", "4", "--simulate", "ring")
    done = run_command(*run, *labels, cwd=place, typed="0\nf\nl\nq\n")
    assert done.returncode == 0, done.stderr
    assert "ONNX file of 7 operators: 12 numbers for an image of 24 x 24 pixels" in done.stdout
    assert "Train the head [l], audit recall [a]" in done.stdout
    assert "(an encoder that came as an ONNX file cannot be fine-tuned)" in done.stdout
    assert "'f' is no answer; type one of l, a, p, q" in done.stdout
    assert "Trained the head on" in done.stdout
    verdict = active_labeler.load_model(place / "final_model.ckpt").classify(place / "reference.png")
    assert 0 < verdict.probability < 1
    for arguments, words in (
        (("--auto", "--fine-tune"), "auto.choice is fine_tune, but an encoder that came as an ONNX file"),
        (("--set", "encoder.precision=bf16", "--auto"), "encoder.precision is bf16, but an ONNX file"),
        (("--set", "encoder.mean=[0, 0, 0]", "--auto"), "give both with three"),
        (("--set", "encoder.dim=7", "--auto"), "gives 12 numbers for an image, but embedding_size is 7"),
    ):
        refused = run_command(*run, *labels, *arguments, "--runtime", "r2", "--output", "o2", cwd=place)
        assert refused.returncode == 2 and words in refused.stderr, (refused.stdout, refused.stderr)


def test_an_import_shows_what_it_is_and_writes_it(place: Path) -> None:
    done = run_command("encoder", "import", "model.onnx", "-o", "own", cwd=place)
    assert done.returncode == 0, done.stderr
    count = sum(array.size for array in small.weights().values())
    for words in ("ONNX file", f"onnx, {count:,} numbers", "12 numbers for an image of 24 x 24 pixels"):
        assert words in done.stdout, done.stdout
    assert "less 0.4 0.5 0.6, by 0.2 0.25 0.3, red first" in done.stdout
    (place / "model.json").unlink()
    again = run_command("encoder", "import", "own", "-o", "own", cwd=place)
    assert again.returncode == 0 and "less 0.4 0.5 0.6" in again.stdout, again.stderr
    refused = run_command("encoder", "import", "model.onnx", cwd=place)
    assert refused.returncode == 2 and "nothing says how its images are prepared; put a JSON file" in refused.stderr
