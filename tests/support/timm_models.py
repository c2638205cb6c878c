"""Small models of timm with random weights, saved in the hub's format by timm itself, and what timm makes of images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file

from protos import embedder_pb2 as messages
from protos.errors import ConflictError
from services.common.encoders.timm_config import library
from tests.support.embedder_place import Place

try:
    timm: Any = library()
except ConflictError as error:
    pytest.skip(str(error), allow_module_level=True)

ARCHITECTURES = ("test_resnet", "test_vit", "test_convnext", "test_efficientnet")  # timm's own, for tests
SIDE = 64
DATA = {"input_size": (3, SIDE, SIDE), "crop_pct": 0.8, "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.25, 0.3)}


def save_model(folder: Path, architecture: str, seed: int = 0, **arguments: Any) -> Any:
    """Saves a model with a classifier of seven classes; returns it."""
    torch.manual_seed(seed)
    sized = {"img_size": SIDE} if architecture == "test_vit" else {}
    model = timm.create_model(architecture, num_classes=7, **sized, **arguments).eval()
    with torch.no_grad():  # weights as they are before training give nearly the same vector for every image
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3 + (parameter.ndim < 2) * parameter)
    timm.models.save_for_hf(model, folder, safe_serialization=True, data_config=DATA)
    return model


def embed_images(folder: Path, paths: list[Path]) -> NDArray[np.float32]:
    """What timm itself makes of image files with a folder's model and preprocessing: float32 [n, dim]."""
    model = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)
    with torch.inference_mode():
        return np.asarray(model(torch.stack([transform(Image.open(path).convert("RGB")) for path in paths])))


def change(config: Path, **fields: Any) -> None:
    """Sets fields of the ``pretrained_cfg`` in a configuration."""
    content = json.loads(config.read_text())
    content["pretrained_cfg"].update(fields)
    config.write_text(json.dumps(content))


def flatten(config: Path) -> None:
    """A configuration as early versions of timm wrote it: all in one group."""
    content = json.loads(config.read_text())
    config.write_text(json.dumps({**content.pop("pretrained_cfg"), **content}))


def halve(weights: Path) -> None:
    """The weights as float16."""
    whole = load_file(weights)
    save_file({name: one.half() if one.is_floating_point() else one for name, one in whole.items()}, weights)


def import_model(place: Place, folder: Path | str, **more: object) -> messages.ImportEncoderResponse:
    """The answer of an embedder that is asked for a model by its name or folder."""
    return place.stub.ImportEncoder(messages.ImportEncoderRequest(run="r", model=str(folder), **more))
