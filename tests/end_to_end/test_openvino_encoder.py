"""Whole runs whose encoder OpenVINO computes, and the sentences where it cannot."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from services.common.encoders.files import save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from tests.conftest import REPOSITORY
from tests.support.command import run_command
from tests.support.pictures import draw_data_set, picture

RUN = ("run", "--data", "data", "--reference", "reference.png", "--port", "0", "--simulate", "ring", "--auto")
FEW = ("--seed-count", "8", "--sample-size", "4", "--set", "auto.rounds=1", "--set", "device=cpu")
WITH = ("--set", "encoder.backend=openvino")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    draw_data_set(tmp_path / "data", 8, 24, 24)
    picture("ring", np.random.default_rng(9), 24).save(tmp_path / "reference.png")
    torch.manual_seed(1)
    save_encoder(tmp_path / "encoder.safetensors", build_network("minicnn16", 16), EncoderSpec("minicnn16", 16, 32))
    return tmp_path


@pytest.mark.slow
def test_a_run_by_openvino_and_what_is_said_where_it_cannot_be(place: Path) -> None:
    pytest.importorskip("openvino", reason="openvino (the extra `openvino`) is not installed")
    done = run_command(*RUN, *FEW, *WITH, "--encoder", "encoder.safetensors", cwd=place)
    assert done.returncode == 0, done.stderr
    assert " by OpenVINO: cosine to fp32 at least 0.9999" in done.stdout or "at least 1.0000" in done.stdout
    journal = [json.loads(line) for line in (place / "runtime" / "journal.jsonl").read_text().splitlines()]
    assert next(entry for entry in journal if entry["step"] == "precision")["result"]["backend"] == "openvino"
    for arguments, words in (
        (("--set", "encoder.builtin=hog", *WITH), "encoder.backend is openvino, but the builtin hog is no network"),
        (("--set", "encoder.backend=onnx"), "encoder.backend"),
    ):
        refused = run_command(*RUN, *FEW, *arguments, "--runtime", "r2", "--output", "o2", cwd=place)
        assert refused.returncode == 2 and words in refused.stderr, (refused.stdout, refused.stderr)


@pytest.mark.slow
def test_without_the_package_it_is_named_and_auto_does_without(place: Path) -> None:
    (place / "without" / "openvino").mkdir(parents=True)
    (place / "without" / "openvino" / "__init__.py").write_text("raise ImportError('it is not here')")
    env = {"PYTHONPATH": os.pathsep.join([str(place / "without"), str(REPOSITORY)])}
    encoder = ("--encoder", "encoder.safetensors")
    refused = run_command(*RUN, *FEW, *WITH, *encoder, "--runtime", "r2", "--output", "o2", cwd=place, **env)
    assert refused.returncode == 4, (refused.stdout, refused.stderr)
    assert "install active-labeler[openvino] where the embedder runs, or set encoder.backend to torch" in refused.stderr
    done = run_command(*RUN, *FEW, *encoder, cwd=place, **env)
    assert done.returncode == 0 and "OpenVINO" not in done.stdout, done.stderr
