"""Small models with random weights in folders as the Hugging Face hub has them, and what the library itself makes of images."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    CLIPConfig,
    CLIPModel,
    ConvNextConfig,
    ConvNextModel,
    Dinov2Config,
    Dinov2Model,
    DINOv3ViTConfig,
    DINOv3ViTModel,
    PreTrainedTokenizerFast,
    ResNetConfig,
    ResNetModel,
    SiglipConfig,
    SiglipModel,
    ViTConfig,
    ViTModel,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

_BODY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
_EYES = {**_BODY, "image_size": 32, "patch_size": 8}
LENGTH = 12  # tokens of a phrase
SENTENCES = [
    "a photo of a crater",
    "an aeroplane on the ground",
    "the crater of a volcano, seen from above",
    "ein Vogel über dem Meer",
]


def _clip() -> torch.nn.Module:
    words = {**_BODY, "vocab_size": 302, "max_position_embeddings": LENGTH}
    words |= {"bos_token_id": 300, "eos_token_id": 301, "pad_token_id": 1}
    return CLIPModel(CLIPConfig(text_config=words, vision_config=_EYES, projection_dim=24))


def _siglip() -> torch.nn.Module:
    words = {**_BODY, "vocab_size": 120, "max_position_embeddings": LENGTH, "projection_size": 32}
    return SiglipModel(SiglipConfig(text_config={**words, "pad_token_id": 1}, vision_config=_EYES))


def _dinov2() -> torch.nn.Module:
    shape = {name: value for name, value in _EYES.items() if name != "intermediate_size"}
    return Dinov2Model(Dinov2Config(**shape, mlp_ratio=2))


_MODELS: dict[str, Callable[[], torch.nn.Module]] = {
    "clip": _clip,
    "siglip": _siglip,
    "dinov2": _dinov2,
    "dinov3_vit": lambda: DINOv3ViTModel(DINOv3ViTConfig(**_EYES)),
    "vit": lambda: ViTModel(ViTConfig(**_EYES), add_pooling_layer=False),
    "resnet": lambda: ResNetModel(
        ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ),
    "convnext": lambda: ConvNextModel(ConvNextConfig(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1])),
}
_CROPPING = {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}, "image_mean": [0.4, 0.5, 0.6]}
_PROCESSORS: dict[str, Callable[[], Any]] = {
    "clip": lambda: CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
    "siglip": lambda: SiglipImageProcessorPil(size={"height": 32, "width": 32}),
    "dinov2": lambda: CLIPImageProcessorPil(**_CROPPING),
    "dinov3_vit": lambda: ViTImageProcessorPil(size={"height": 32, "width": 32}, image_std=[0.2, 0.3, 0.4]),
    "vit": lambda: ViTImageProcessorPil(size={"height": 32, "width": 32}),
    "resnet": lambda: ConvNextImageProcessorPil(size={"shortest_edge": 64}),
    "convnext": lambda: ConvNextImageProcessorPil(size={"shortest_edge": 64}, crop_pct=0.9),
}
FAMILIES = tuple(_MODELS)


def save_model(folder: Path, family: str, seed: int = 0) -> torch.nn.Module:
    """Saves a small model of a family with its preprocessing, and its tokenizer where it has one; returns it."""
    torch.manual_seed(seed)
    model = _MODELS[family]().eval()
    with torch.no_grad():  # weights as they are before training give nearly the same vector for every image
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3 + (parameter.ndim < 2) * parameter)
    model.save_pretrained(folder)  # type: ignore[operator]
    _PROCESSORS[family]().save_pretrained(folder)
    if family in ("clip", "siglip"):
        tokenizer = _bytes_tokenizer() if family == "clip" else _words_tokenizer()
        tokenizer.save(str(folder / "tokenizer.json"))
        kind = "CLIPTokenizer" if family == "clip" else "SiglipTokenizer"
        about = {"tokenizer_class": kind, "pad_token": "<|endoftext|>" if family == "clip" else "</s>"}
        (folder / "tokenizer_config.json").write_text(json.dumps(about))
    return model


def _bytes_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES * 5, trainer)
    assert tokenizer.get_vocab_size() == 300
    tokenizer.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    marks = [("<|startoftext|>", 300), ("<|endoftext|>", 301)]
    tokenizer.post_processor = processors.TemplateProcessing("<|startoftext|> $A <|endoftext|>", None, marks)
    return tokenizer


def _words_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=100, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([sentence.lower() for sentence in SENTENCES] * 5, trainer)
    tokenizer.post_processor = processors.TemplateProcessing("$A </s>", None, [("</s>", 1)])
    return tokenizer


def embed_images(family: str, model: Any, paths: list[Path]) -> NDArray[np.float32]:
    """What the library itself makes of image files: float32 [n, dim]."""
    images = [Image.open(path).convert("RGB") for path in paths]
    pixels = _PROCESSORS[family]()(images=images, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        if family in ("clip", "siglip"):
            return np.asarray(model.get_image_features(pixel_values=pixels).pooler_output)
        found = model(pixel_values=pixels)
    pooled = found.last_hidden_state[:, 0] if family == "vit" else found.pooler_output
    return np.asarray(pooled.flatten(1))


def embed_phrase(folder: Path, family: str, model: Any, phrase: str) -> NDArray[np.float32]:
    """What the library itself makes of a phrase: float32 [dim]."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), pad_token="</s>")
    phrase = phrase.lower() if family == "siglip" else phrase
    padding = "max_length" if family == "siglip" else False
    tokens = tokenizer(phrase, truncation=True, max_length=LENGTH, padding=padding, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        return np.asarray(model.get_text_features(input_ids=tokens).pooler_output[0])


def cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine of each pair of rows."""
    a, b = (np.atleast_2d(matrix).astype(np.float64) for matrix in (one, other))
    return np.asarray((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))
