"""``active-labeler encoder import`` as a user starts it: what is found is shown, safe to keep, and good for a run."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from protos.errors import DamagedError
from services.common.encoders.files import load_encoder, save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec, HubSpec, Preprocessing
from tests.support import hub_models
from tests.support import reference_encoders as reference
from tests.support.command import run_command
from tests.support.pictures import draw_data_set, picture


def checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """A Lightning checkpoint of the original's kind; returns its encoder's weights."""
    encoder = reference.build("minicnn24")
    with reference.foreign_packages():
        reference.save(path, reference.lightning(encoder, 24, "simclr"))
    return dict(encoder.state_dict())


def imported(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run_command("encoder", "import", *arguments, cwd=folder)


def test_what_was_found_is_shown_and_written(tmp_path: Path) -> None:
    weights = checkpoint(tmp_path / "theirs.ckpt")
    done = imported(tmp_path, "theirs.ckpt", "--image-size", "48", "-o", "own")
    assert done.returncode == 0, done.stderr
    for words in (
        "Lightning checkpoint, under 'encoder.'; 9 other tensors left aside",
        "minicnn24, ",
        "24 numbers for an image of 48 x 48 pixels",
        "the whole image to 48 x 48 (bilinear); bytes as they are, red first",
        "run --encoder own",
    ):
        assert words in done.stdout
    assert sorted(file.name for file in (tmp_path / "own").iterdir()) == ["encoder.json", "encoder.safetensors"]
    spec, network = load_encoder(tmp_path / "own" / "encoder.safetensors")
    assert spec == EncoderSpec("minicnn24", 24, 48)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, weights[name]), name
    about = json.loads((tmp_path / "own" / "encoder.json").read_text())
    assert about["sha256"] == hashlib.sha256((tmp_path / "own" / "encoder.safetensors").read_bytes()).hexdigest()
    assert about["source"] == {
        "name": "theirs.ckpt",
        "sha256": hashlib.sha256((tmp_path / "theirs.ckpt").read_bytes()).hexdigest(),
    }
    assert (about["architecture"], about["dim"], about["image_size"]) == ("minicnn24", 24, 48)
    assert (about["layout"], about["prefix"], about["left_aside"]) == ("Lightning checkpoint", "encoder.", 9)
    assert about["parameters"] == sum(tensor.numel() for tensor in weights.values())
    assert about["preprocessing"]["filter"] == "bilinear"
    assert "is a guess" not in done.stdout
    guessed = imported(tmp_path, "theirs.ckpt", "-o", "guessed")
    assert (
        "64 is a guess, as the file names none: where it was trained with another one, say so with --image-size"
        in guessed.stdout
    )
    again = imported(tmp_path, "own", "-o", "own")  # the folder is an encoder, too, and may be written once more
    assert again.returncode == 0, again.stderr
    assert "encoder file of Active Labeler" in again.stdout
    assert "is a guess" not in again.stdout


def test_preprocessing_of_its_own_is_told(tmp_path: Path) -> None:
    hub_models.save_model(tmp_path / "model", "vit")
    images = Preprocessing(40, 3, 1 / 255, (0.5, 0.4, 0.3), (0.25, 0.25, 0.25), bgr=True)
    from services.embedder.hub.reading import find_model, read_model

    network, spec, _ = read_model(find_model(str(tmp_path / "model")), 0)
    assert isinstance(spec, HubSpec)
    own = HubSpec(spec.architecture, spec.dim, spec.image_size, spec.config, images, spec.text)
    save_encoder(tmp_path / "vit.safetensors", network, own)
    done = imported(tmp_path, "vit.safetensors")
    assert done.returncode == 0, done.stderr
    side = spec.image_size
    assert f"its shorter side at 40 pixels, to {side} x {side} (bicubic)" in done.stdout
    assert "bytes times 0.00392157, less 0.5 0.4 0.3, by 0.25 0.25 0.25, blue first" in done.stdout
    said = json.loads((tmp_path / "encoder" / "encoder.json").read_text())["preprocessing"]
    assert (said["resize"], said["mean"], said["bgr"]) == (40, [0.5, 0.4, 0.3], True)


class Canary:
    """A program in a pickle."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("trick", ["pickle", "checkpoint"])
def test_nothing_in_the_file_is_executed(tmp_path: Path, trick: str) -> None:
    ran = tmp_path / "ran"
    if trick == "pickle":
        (tmp_path / "evil.ckpt").write_bytes(pickle.dumps(Canary(ran)))
    else:
        torch.save({"state_dict": reference.build("minicnn24").state_dict(), "x": Canary(ran)}, tmp_path / "evil.ckpt")
    done = imported(tmp_path, "evil.ckpt")
    assert not ran.exists()
    assert done.returncode == (2 if trick == "pickle" else 0), done.stderr
    assert (tmp_path / "encoder").exists() == (trick == "checkpoint")  # the weights are good, the program is left aside


def test_what_is_not_understood_is_refused_with_what_was_seen(tmp_path: Path) -> None:
    torch.save({"blocks.0.attn.qkv.weight": torch.zeros(6, 2)}, tmp_path / "vit.pt")
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    (tmp_path / "empty.ckpt").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    save_encoder(tmp_path / "good.safetensors", build_network("minicnn", 4), EncoderSpec("minicnn", 4, 16))
    half = (tmp_path / "good.safetensors").read_bytes()[:2000]
    (tmp_path / "half.safetensors").write_bytes(half)
    for arguments, words in (
        (("vit.pt",), "it holds blocks.0.attn.qkv.weight [6, 2]"),
        (("text.ckpt",), "it is no PyTorch checkpoint"),
        (("empty.ckpt",), "it is no PyTorch checkpoint"),
        (("half.safetensors",), "half.safetensors cannot be used"),
        (("absent.ckpt",), "absent.ckpt does not exist"),
        (("folder",), "run --encoder-model folder"),
        (("good.safetensors", "-o", "full"), "holds other files (letter.txt)"),
        (("good.safetensors", "-o", "text.ckpt"), "is a file; name a folder"),
        (("good.safetensors", "--image-size", "4"), "image_size 4"),
    ):
        done = imported(tmp_path, *arguments)
        code = DamagedError.exit_code if arguments[0] == "half.safetensors" else 2
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert words in done.stderr and done.stderr.count("\n") == 1, (arguments, done.stderr)
    assert not (tmp_path / "encoder").exists()
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["letter.txt"]


@pytest.mark.slow
def test_a_run_takes_the_folder(tmp_path: Path) -> None:
    data = draw_data_set(tmp_path / "data", 10, 30, 24)
    checkpoint(tmp_path / "theirs.ckpt")
    assert imported(tmp_path, "theirs.ckpt", "--image-size", "16").returncode == 0
    picture("ring", np.random.default_rng(9), 24).save(tmp_path / "reference.png")
    common = ("run", "--data", data, "--reference", "reference.png", "--encoder")
    auto = ("--auto", "--rounds", "1", "--seed-count", "10", "--sample-size", "4", "--simulate", "ring", "--port", "0")
    ran = run_command(*common, "encoder", *auto, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "minicnn24" in ran.stdout
    (tmp_path / "empty").mkdir()
    refused = run_command(*common, "empty", *auto, "--runtime", "other", cwd=tmp_path)
    assert refused.returncode == 2 and "holds no encoder.safetensors" in refused.stderr
