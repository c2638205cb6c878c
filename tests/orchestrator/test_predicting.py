"""A folder and a model: every image has its line, whatever it is called and whether it can be read."""

from __future__ import annotations

import base64
import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import active_labeler
from orchestrator.predicting import COLUMNS, predict
from protos.errors import ConflictError, DamagedError, InvalidInputError, NotFoundError
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.trainer.final_model import model_bytes
from services.trainer.heads import EVALUATOR, Head, HeadShape
from services.trainer.network import EncoderWithHead
from tests.orchestrator.outputs.formats.conftest import NAMES
from tests.support.command import ACTIVE_LABELER, environment, run_command

PATHS = sorted((name for name in NAMES if name != "unreadable.png"), key=os.fsencode)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = EncoderWithHead(build_network("minicnn", 8), Head(HeadShape(EVALUATOR, 8, 4, 0.1))).eval()
    (tmp_path / "final_model.ckpt").write_bytes(model_bytes(network, EncoderSpec("minicnn", 8, 16), "cat", 0.5))
    return tmp_path / "final_model.ckpt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for path in PATHS:
        (tmp_path / "images" / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).save(tmp_path / "images" / path)
    return tmp_path / "images"


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_image_has_its_probability_and_side(model: Path, folder: Path, tmp_path: Path) -> None:
    counts = predict(model, folder, tmp_path / "p.csv")
    table = rows(tmp_path / "p.csv")
    assert tuple(table[0]) == COLUMNS
    found = [os.fsdecode(base64.b64decode(row["path_base64"])) if row["path_base64"] else row["path"] for row in table]
    assert found == PATHS
    expected = active_labeler.load_model(model).probabilities([folder / path for path in PATHS])
    np.testing.assert_allclose([float(row["probability"]) for row in table], expected, atol=1e-5)
    assert [row["side"] == "positive" for row in table] == [bool(one >= 0.5) for one in expected]
    assert (counts.positive, counts.negative, counts.unreadable) == (
        int((expected >= 0.5).sum()),
        int((expected < 0.5).sum()),
        0,
    )


def test_an_archive_is_refused_before_anything_is_read(model: Path, folder: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "photos"), "zip", tmp_path, model.name)
    with pytest.raises(
        InvalidInputError, match=r"photos\.zip is an archive, .* unpack it \(`unzip .*`\), and give that"
    ):
        predict(model, Path(archive), tmp_path / "p.csv")
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_images_that_cannot_be_read_have_a_reason(
    model: Path, folder: Path, tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.predicting._AT_ONCE", batch)
    predict(model, folder, tmp_path / "before.csv")
    bad = {"a.png": b"no image", "b.png": b"", "unreadable.png": (folder / "c/a.png").read_bytes()[:60]}
    for name, content in bad.items():
        (folder / name).write_bytes(content)
    counts = predict(model, folder, tmp_path / "p.csv")
    table = {row["path"]: row for row in rows(tmp_path / "p.csv")}
    assert counts.unreadable == 3
    assert len(table) == len(PATHS) + 1
    for name in bad:
        assert (table[name]["probability"], table[name]["side"]) == ("", "")
    assert table["b.png"]["reason"] == "the file is empty"
    assert "no image of a known format" in table["a.png"]["reason"]
    assert "damaged image" in table["unreadable.png"]["reason"]
    rest = [row for row in rows(tmp_path / "before.csv") if row["path"] not in bad]
    assert [table[row["path"]]["side"] for row in rest] == [row["side"] for row in rest]
    assert {row["path"] for row in table.values() if row["reason"]} == set(bad)


def test_only_its_own_table_is_replaced(model: Path, folder: Path, tmp_path: Path) -> None:
    predict(model, folder, tmp_path / "p.csv")
    first = (tmp_path / "p.csv").read_bytes()
    predict(model, folder, tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_bytes() == first
    (tmp_path / "mine.csv").write_text("path,mine\n")
    with pytest.raises(ConflictError, match=r"mine\.csv is there already, and no table of predictions"):
        predict(model, folder, tmp_path / "mine.csv")
    assert (tmp_path / "mine.csv").read_text() == "path,mine\n"
    with pytest.raises(InvalidInputError, match="is a folder; give the CSV file"):
        predict(model, folder, tmp_path)
    with pytest.raises(InvalidInputError, match="would lie inside the data folder"):
        predict(model, folder, folder / "p.csv")


def test_bad_input_gets_one_sentence(model: Path, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"there is no file .*absent\.onnx"):
        predict(tmp_path / "absent.onnx", folder, tmp_path / "p.csv")
    with pytest.raises(NotFoundError, match="does not exist"):
        predict(model, tmp_path / "nowhere", tmp_path / "p.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match="there is no image in"):
        predict(model, tmp_path / "empty", tmp_path / "p.csv")
    (tmp_path / "m.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(DamagedError, match=r"m\.safetensors is a damaged safetensors file"):
        predict(tmp_path / "m.safetensors", folder, tmp_path / "p.csv")
    assert not (tmp_path / "p.csv").exists()


def test_the_command_says_what_it_found(model: Path, folder: Path, tmp_path: Path) -> None:
    done = run_command("predict", model, folder, "--output", "p.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    positive = sum(row["side"] == "positive" for row in rows(tmp_path / "p.csv"))
    assert done.stdout == f"{positive} positive, {len(PATHS) - positive} negative: p.csv\n"
    refused = run_command("predict", tmp_path / "absent", folder, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: there is no file")


def test_without_torch_the_command_says_what_is_missing(model: Path, folder: Path, tmp_path: Path) -> None:
    blind = [*ACTIVE_LABELER[:-1], f"import sys; sys.modules['torch'] = None; {ACTIVE_LABELER[-1]}"]
    done = subprocess.run(
        [*blind, "predict", str(model), str(folder)], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "is read by PyTorch, which is not installed" in done.stderr


def test_the_command_line_starts_without_the_model_room() -> None:
    code = "import sys, orchestrator.cli; sys.exit('services.trainer' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
