"""What is said where no encoder is."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.encoder_folder import check_encoder
from protos.errors import NotFoundError


def test_a_missing_encoder_is_named_with_every_kind_of_file_that_is_taken(tmp_path: Path) -> None:
    with pytest.raises(
        NotFoundError, match=r"mine\.pt does not exist; give a \.safetensors, \.ckpt, \.pt or \.onnx file"
    ):
        check_encoder(tmp_path / "mine.pt")


def test_a_folder_without_weights_is_named_with_what_else_is_taken(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"holds no .*\.safetensors, \.ckpt, \.pt or \.onnx"):
        check_encoder(tmp_path)


@pytest.mark.parametrize("name", ["mine.safetensors", "mine.ckpt", "mine.onnx"])
def test_a_file_that_is_there_is_left_to_its_readers(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    check_encoder(tmp_path / name)
