"""Encoder files: safetensors (tensors only, nothing that could run) with the description of the encoder beside."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from protos.errors import DamagedError, InvalidInputError
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec

_KEY = "encoder"  # one entry: several would be written in any order, and equal encoders must be equal bytes


def save_encoder(path: Path, network: nn.Module, spec: EncoderSpec) -> None:
    """Writes an encoder; equal weights give equal bytes.

    Args:
        path: of the file.
        network: as ``build_network(spec.architecture, spec.dim)`` makes it, on any device.
        spec: what it is.

    Raises:
        InvalidInputError: when the network is not the one that ``spec`` describes, or holds numbers that are not finite.
    """
    tensors = {name: _plain(tensor) for name, tensor in network.state_dict().items()}
    _check(tensors, spec, "this network")
    about = {"architecture": spec.architecture, "dim": spec.dim, "image_size": spec.image_size}
    save_file(tensors, path, metadata={_KEY: json.dumps(about, sort_keys=True)})


def load_encoder(path: Path) -> tuple[EncoderSpec, nn.Module]:
    """Reads an encoder: its description, and its network on the processor in float32, ready to embed (eval mode).

    Raises:
        DamagedError: when the file is no encoder file.
        InvalidInputError: when it is one of an unknown architecture, or its tensors do not fit.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()[_KEY])
            spec = EncoderSpec(str(about["architecture"]), int(about["dim"]), int(about["image_size"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{path} is no encoder file; import the checkpoint again") from error
    network = _check(tensors, spec, str(path))
    network.load_state_dict(tensors)
    network.requires_grad_(False)
    return spec, network.eval()


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    kept = tensor.detach().to("cpu", copy=True).contiguous()
    return kept.float() if kept.is_floating_point() else kept


def _check(tensors: dict[str, torch.Tensor], spec: EncoderSpec, what: str) -> nn.Module:
    network = build_network(spec.architecture, spec.dim)
    expected = network.state_dict()
    wrong = sorted(
        name
        for name in expected.keys() | tensors.keys()
        if name not in tensors or name not in expected or tensors[name].shape != expected[name].shape
    )
    if wrong:
        raise InvalidInputError(f"{what} is no {spec.architecture}: {len(wrong)} tensors differ, {wrong[0]!r} first")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise InvalidInputError(f"{what} holds weights that are no finite numbers, {name!r} first")
    return network
