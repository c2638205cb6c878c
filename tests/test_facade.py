"""The public face: one line loads a final model, and importing it costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import active_labeler
from protos.errors import NotFoundError
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.trainer.final_model import model_bytes
from services.trainer.heads import EVALUATOR, Head, HeadShape
from services.trainer.network import EncoderWithHead


def test_one_line_classifies_an_image(tmp_path: Path) -> None:
    network = EncoderWithHead(build_network("minicnn", 8), Head(HeadShape(EVALUATOR, 8, 4, 0.1))).eval()
    (tmp_path / "final_model.ckpt").write_bytes(model_bytes(network, EncoderSpec("minicnn", 8, 16), "cat", 0.5))
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    answer = active_labeler.load_model(str(tmp_path / "final_model.ckpt")).classify(str(tmp_path / "image.png"))
    assert answer.label == ("cat" if answer.probability >= 0.5 else "not cat")
    assert 0 <= answer.probability <= 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"absent\.ckpt"):
        active_labeler.load_model(tmp_path / "absent.ckpt")


def test_the_import_is_light() -> None:
    code = "import sys, active_labeler; sys.exit('torch' in sys.modules or 'PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_model_needs_no_lightning() -> None:
    code = "import sys, services.trainer.final_model; sys.exit('pytorch_lightning' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
