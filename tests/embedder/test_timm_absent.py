"""Without timm, or with a torchvision that does not fit: a sentence that names the extra."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from protos import embedder_pb2 as messages
from protos.errors import ConflictError
from tests.support.embedder_place import Place


def _model(folder: Path) -> str:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"architecture": "resnet18"}))
    save_file({"conv1.weight": torch.zeros(1)}, folder / "model.safetensors")
    return str(folder)


@pytest.fixture
def without_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "timm" or name.startswith("timm.")]:
        monkeypatch.delitem(sys.modules, name)


def test_the_extra_is_named(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_timm: None) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    for model in (_model(tmp_path / "model"), "timm/resnet18.a1_in1k"):
        with pytest.raises(
            ConflictError, match=r"need the packages timm and torchvision .*install active-labeler\[timm\]"
        ):
            place.stub.ImportEncoder(messages.ImportEncoderRequest(model=model))


def test_a_torchvision_for_another_pytorch_is_told(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_timm: None
) -> None:
    (tmp_path / "packages" / "timm").mkdir(parents=True)
    words = "operator torchvision::nms does not exist"
    (tmp_path / "packages" / "timm" / "__init__.py").write_text(f"raise RuntimeError({words!r})\n")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    with pytest.raises(ConflictError, match=rf"\({words}\); install .*torchvision for the same build of PyTorch"):
        place.stub.ImportEncoder(messages.ImportEncoderRequest(model=_model(tmp_path / "model")))
