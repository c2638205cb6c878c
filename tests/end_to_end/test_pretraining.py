"""``active-labeler pretrain`` as a user starts it."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from services.common.encoders.files import load_encoder
from tests.support import hub_models
from tests.support.command import run_command, start_command
from tests.support.pictures import draw_data_set, picture

SMALL = (
    "--architecture",
    "minicnn16",
    "--image-size",
    "16",
    "--batch-size",
    "16",
    "--precision",
    "fp32",
    "--threads",
    "1",
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return draw_data_set(tmp_path / "data", 10, 30, 24)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _epochs(work: Path) -> int:
    diaries = list(work.glob("store/pretraining/*/diary.json"))
    return len(json.loads(diaries[0].read_text())) if diaries else 0


@pytest.mark.slow
def test_a_run_takes_what_pretrain_gives(data: Path, tmp_path: Path) -> None:
    (data / "Unlabeled" / "broken.png").write_bytes(b"broken")
    done = run_command("pretrain", "--data", data, "--output", "own.safetensors", "--epochs", "2", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Pre-trained minicnn16 on 40 images; 1 could not be read: own.safetensors" in done.stdout
    assert "epoch 2 of 2: loss " in done.stdout
    assert load_encoder(tmp_path / "own.safetensors")[0].dim == 16
    with (tmp_path / "own.csv").open() as file:
        assert [line["epoch"] for line in csv.DictReader(file)] == ["1", "2"]
    picture("ring", np.random.default_rng(9), 24).save(tmp_path / "reference.png")
    near = ("--data", data, "--reference", "reference.png", "--encoder", "own.safetensors")
    auto = ("--auto", "--rounds", "1", "--seed-count", "10", "--sample-size", "4", "--simulate", "ring", "--port", "0")
    ran = run_command("run", *near, *auto, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "minicnn16" in ran.stdout


@pytest.mark.long
def test_two_devices_share_each_batch(data: Path, tmp_path: Path) -> None:
    two = ("--devices", "2", "--device", "cpu", "--epochs", "2")
    done = run_command("pretrain", "--data", data, "--output", "own.safetensors", *two, *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "epoch 2 of 2: loss " in done.stdout
    assert load_encoder(tmp_path / "own.safetensors")[0].dim == 16


@pytest.mark.slow
def test_a_killed_command_goes_on_and_ends_as_a_calm_one(data: Path, tmp_path: Path) -> None:
    common = ("pretrain", "--data", data, "--epochs", "60", *SMALL)
    process = start_command(*common, "--output", "killed.safetensors", cwd=tmp_path)
    end = time.monotonic() + 120
    while (behind := _epochs(tmp_path / "killed.pretraining")) < 3:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert behind < 60 and not (tmp_path / "killed.safetensors").exists()
    for name in ("killed", "calm"):
        done = run_command(*common, "--output", f"{name}.safetensors", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert _digest(tmp_path / "killed.safetensors") == _digest(tmp_path / "calm.safetensors")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--data", "nowhere"), "nowhere does not exist"),
        (("--data", "none"), "there is no image in"),
        (("--data", "data", "--output", "encoder.ckpt"), "name a file that ends in .safetensors"),
        (("--data", "data", "--output", "data/Unlabeled/e.safetensors"), "would lie inside the data folder"),
        (("--data", "data", "--work", "a-file"), "is no folder"),
        (("--data", "data", "--output", "a-file/e.safetensors"), "nothing can be written to"),
        (("--data", "data", "--epochs", "-1"), "--epochs"),
        (("--data", "data", "--batch-size", "many"), "--batch-size"),
        (("--data", "data", "--devices", "0"), "--devices"),
        (("--data", "data", "--devices", "80", "--batch-size", "64"), "--devices"),
        (("--data", "data", "--devices", "8", "--batch-size", "16"), "cannot be shared out to 8 devices"),
        (("--data", "data", "--method", "byol"), "the method 'byol' is not known"),
        ((), "--data"),
    ],
)
def test_bad_input_is_one_sentence(data: Path, tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "a-file").write_bytes(b"")
    done = run_command("pretrain", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr and "Traceback" not in done.stderr


def test_where_no_encoder_is_named_and_the_hub_is_away_the_choice_is_offered(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    start = time.monotonic()
    done = run_command("run", "--data", data, "--auto", "--simulate", "ring", "--port", "0", cwd=tmp_path)
    assert time.monotonic() - start < 60
    assert done.returncode == 2
    assert "no encoder is named, and the default cannot be had: the model facebook/dinov2-small" in done.stderr
    assert f"active-labeler pretrain --data {data}" in done.stderr
    assert "--encoder FILE" in done.stderr and "encoder.builtin=hog" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "final_model.ckpt").exists()


def test_where_no_encoder_is_named_the_default_of_the_hub_is_taken(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small model lies where the hub's cache would have the default."""
    snapshot = tmp_path / "cache" / "hub" / "models--facebook--dinov2-small" / "snapshots" / "1"
    hub_models.save_model(snapshot, "dinov2")
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    auto = ("--auto", "--rounds", "1", "--seed-count", "6", "--sample-size", "2", "--simulate", "ring", "--port", "0")
    done = run_command("run", "--data", data, *auto, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Hub model of type dinov2" in done.stdout
