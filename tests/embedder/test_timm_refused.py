"""Folders that are no model of timm, or want more than weights and numbers: refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from protos.errors import DamagedError, InvalidInputError
from services.common.encoders.files import load_encoder
from tests.support import timm_models as small
from tests.support.embedder_place import Place
from tests.support.timm_models import import_model

Change = Callable[[dict[str, Any]], Any]


def arguments(**more: Any) -> Change:
    return lambda config: config["model_args"].update(more)


def about(**more: Any) -> Change:
    return lambda config: config["pretrained_cfg"].update(more)


def top(**more: Any) -> Change:
    return lambda config: config.update(more)


REFUSED: list[tuple[Change, str]] = [
    (top(architecture="resnet_of_mine"), "its architecture 'resnet_of_mine' is none of timm's"),
    (top(architecture="local-dir:/etc"), "its architecture 'local-dir:/etc' is none of timm's"),
    (top(architecture="hf-hub:evil/model"), "is none of timm's"),
    (top(architecture=["test_resnet"]), "is none of timm's"),
    (top(architecture="test_vit"), "timm makes no test_vit of it|weights, but its file holds|they hold no"),
    (top(architecture="vit_giant_patch14_dinov2", model_args={}), "describes [0-9]+ weights, but its file holds"),
    (top(model_args=[1]), "its model_args are .* no JSON object"),
    (top(pretrained_cfg="x"), "its pretrained_cfg is no JSON object"),
    (
        arguments(checkpoint_path="/etc/passwd"),
        "its model_args have 'checkpoint_path', which is not for a model's file",
    ),
    (arguments(pretrained=True), "its model_args have 'pretrained'"),
    (arguments(pretrained_cfg={"file": "/etc/passwd"}), "its model_args have 'pretrained_cfg'"),
    (arguments(cache_dir="/tmp"), "its model_args have 'cache_dir'"),
    (arguments(features_only=True), "its model_args have 'features_only'"),
    (arguments(pruned=True), "its model_args have 'pruned'"),
    (arguments(Über=1), "its model_args have 'Über'"),
    (arguments(frobnicate=3), r"timm makes no test_resnet of it: .*frobnicate"),
    (arguments(stem_width=10**9), "stem_width = 1000000000, which is too many"),
    (arguments(stem_width=float("nan")), "stem_width = nan, which is too many"),
    (arguments(layers=[500, 500]), r"layers = \[500, 500\], which is too many"),
    (arguments(act_layer="__import__('os')"), "act_layer = .*, which is no number, word or short list"),
    (arguments(act_layer={"a": 1}), "which is no number, word or short list"),
    (arguments(layers=[1] * 200), "which is no number, word or short list"),
    (about(input_size=[1, 64, 64]), r"its input_size is \[1, 64, 64\], but only colour squares"),
    (about(input_size=[3, 64, 32]), "only colour squares"),
    (about(input_size=[3, 9000, 9000]), "only colour squares of up to 4096"),
    (about(input_size="large"), "makes no sense|only colour squares"),
    (about(input_size=[3, 64]), "makes no sense"),
    (about(crop_pct=0.01), r"its crop_pct is 0\.01, not between"),
    (about(crop_pct=1.5), r"its crop_pct is 1\.5, not between"),
    (about(crop_pct="some"), "makes no sense"),
    (about(crop_mode="border"), "cut by crop_mode 'border' from 80 pixels, which is not done here"),
    (about(crop_mode="squash"), "cut by crop_mode 'squash' from 80 pixels"),
    (about(interpolation="magic"), "its interpolation is 'magic'; it takes nearest"),
    (about(interpolation=["bicubic"]), "makes no sense|its interpolation is"),
    (about(mean=[1, 2]), "makes no sense"),
    (about(mean=[1, 2, float("inf")]), "makes no sense"),
    (about(std=[0.1, 0, 0.1]), "images cannot be scaled"),
    (about(std="red"), "makes no sense"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED)
def test_what_makes_no_sense_is_refused(place: Place, tmp_path: Path, change: Change, words: str) -> None:
    small.save_model(tmp_path / "model", "test_resnet")
    file = tmp_path / "model" / "config.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    with pytest.raises(InvalidInputError, match=rf"the model .*model cannot be used: .*({words})") as caught:
        import_model(place, tmp_path / "model")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700


def test_weights_that_are_not_the_models_are_refused(place: Place, tmp_path: Path) -> None:
    small.save_model(tmp_path / "model", "test_resnet")
    file = tmp_path / "model" / "model.safetensors"
    whole = load_file(file)
    name = next(name for name in whole if name.endswith("conv1.weight"))
    without = {key: tensor for key, tensor in whole.items() if key != name}
    for tensors, words in (
        (without, "weights, but its file holds 366246; they do not belong together"),
        ({**without, "other": whole[name] * 2}, f"they hold no {name}"),
        ({**whole, name: torch.zeros(200, 200)}, "timm makes no test_resnet of it"),
        ({**whole, name: whole[name] * float("nan")}, "not finite; download it again"),
    ):
        save_file(tensors, file)
        with pytest.raises(InvalidInputError, match=words):
            import_model(place, tmp_path / "model")
    file.unlink()
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(InvalidInputError, match=r"weights are in pytorch_model\.bin, which can hold programs"):
        import_model(place, tmp_path / "model")


@pytest.mark.parametrize("part", ["blocks.0.attn.qkv.weight", "norm.weight", "pos_embed", "patch_embed.proj.bias"])
def test_weights_that_timm_would_draw_by_lot_are_refused(place: Place, tmp_path: Path, part: str) -> None:
    """Timm takes a file that lacks some of them where the classifier is left out, and says nothing."""
    small.save_model(tmp_path / "model", "test_vit")
    file = tmp_path / "model" / "model.safetensors"
    whole = load_file(file)
    other = {"other": torch.zeros(whole.pop(part).numel())}  # as many numbers
    save_file({**whole, **other}, file)
    with pytest.raises(InvalidInputError, match=rf"they hold no {part}|timm makes no test_vit of it"):
        import_model(place, tmp_path / "model")
    small.save_model(tmp_path / "good", "test_vit")
    renamed = {name.replace("blocks.0.", "blocks.9."): tensor for name, tensor in load_file(file).items()}
    save_file(renamed, tmp_path / "good" / "model.safetensors")
    with pytest.raises(InvalidInputError, match=r"they hold no|timm makes no test_vit of it"):
        import_model(place, tmp_path / "good", image_size=96)


@pytest.mark.parametrize(
    ("said", "lie"),
    [
        ("timm/test_resnet", "timm/test_convnext"),
        ("timm/test_resnet", "timm/../../x"),
        ("timm/test_resnet", "timm/vit_giant_patch14_dinov2"),
        ('\\"arguments\\": \\"{', '\\"arguments\\": \\"{\\\\\\"pruned\\\\\\": 1, '),
        ('\\"arguments\\": \\"{', '\\"arguments\\": \\"[{'),
    ],
)
def test_an_encoder_file_that_lies_is_refused(place: Place, tmp_path: Path, said: str, lie: str) -> None:
    small.save_model(tmp_path / "model", "test_resnet")
    data = place.store.open(import_model(place, tmp_path / "model").encoder.artifact).read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + size].rstrip()
    assert header.count(said.encode()) == 1
    header = header.replace(said.encode(), lie.encode())
    header += b" " * (-len(header) % 8)
    (tmp_path / "lie.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + data[8 + size :])
    with pytest.raises((InvalidInputError, DamagedError)) as caught:
        load_encoder(tmp_path / "lie.safetensors")
    assert "lie.safetensors" in str(caught.value)
