"""What an encoder's file says of itself without its weights being read."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from protos.errors import DamagedError
from services.common.encoders.files import save_encoder
from services.common.encoders.header import read_spec
from services.common.encoders.spec import EncoderSpec, HubSpec, Preprocessing, TextInput

IMAGES = Preprocessing(224, 2, 1 / 255, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
SPECS = [
    EncoderSpec("hog", 812, 64),
    HubSpec("clip", 512, 224, config="{}", preprocessing=IMAGES),
    HubSpec("clip", 512, 224, config="{}", preprocessing=IMAGES, text=TextInput(tokenizer_bytes=10, length=77, pad=0)),
]


@pytest.mark.parametrize("spec", SPECS)
def test_it_is_what_was_saved(tmp_path: Path, spec: EncoderSpec) -> None:
    save_encoder(tmp_path / "e.safetensors", nn.Linear(2, 2), spec)
    assert read_spec(tmp_path / "e.safetensors") == spec


@pytest.mark.parametrize(
    "content", [b"", b"short", b"\xff" * 100, (20).to_bytes(8, "little") + b"no json at all......", None]
)
def test_what_is_no_encoder_is_damaged(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "e.safetensors").write_bytes(content)
    with pytest.raises(DamagedError, match=r"is no encoder file: .*; import the checkpoint again"):
        read_spec(tmp_path / "e.safetensors")


def test_safetensors_of_somebody_else_are_no_encoder(tmp_path: Path) -> None:
    from safetensors.torch import save

    (tmp_path / "e.safetensors").write_bytes(save({"a": nn.Linear(1, 1).weight.data}, {"format": "pt"}))
    with pytest.raises(DamagedError, match="active_labeler_encoder"):
        read_spec(tmp_path / "e.safetensors")
