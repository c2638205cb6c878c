"""The file of an encoder: safetensors, so that opening one runs nothing, with the description as JSON in its metadata."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from protos.common_pb2 import Artifact, Encoder
from protos.errors import ActiveLabelerError, DamagedError, InvalidInputError
from services.common.encoders.header import KEY
from services.common.encoders.networks import build_encoder
from services.common.encoders.spec import EncoderSpec, fields_of, spec_of


def save_encoder(path: Path, network: nn.Module, spec: EncoderSpec) -> None:
    """Writes an encoder; equal weights and specs give equal bytes.

    Args:
        path: of the file.
        network: as `build_encoder` makes it; on any device.
        spec: what it is.
    """
    tensors = {
        name: tensor.detach().to("cpu").clone(memory_format=torch.contiguous_format)
        for name, tensor in sorted(network.state_dict().items())
    }
    path.write_bytes(save(tensors, {KEY: json.dumps(fields_of(spec), sort_keys=True)}))


def encoder_of(artifact: Artifact, spec: EncoderSpec) -> Encoder:
    """How an encoder in the store is named in messages."""
    return Encoder(
        artifact=artifact,
        architecture=spec.architecture,
        dim=spec.dim,
        image_size=spec.image_size,
        decode=spec.decode,
        upright=spec.upright,
    )


def load_encoder(path: Path) -> tuple[EncoderSpec, nn.Module]:
    """The encoder of a file, on the processor, float32, in evaluation mode.

    Raises:
        InvalidInputError: when the file is no encoder of ours, or of an architecture that is not known.
        ConflictError: when it is an encoder of the hub, and ``transformers`` is not installed.
        DamagedError: when its bytes cannot be read, or are not the weights of its architecture.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        raise DamagedError(f"{path} is no encoder file: {error}; import the checkpoint again") from error
    if KEY not in metadata:
        raise InvalidInputError(
            f"{path} is a safetensors file, but no encoder; import the checkpoint with ImportEncoder"
        )
    try:
        spec = spec_of(json.loads(metadata[KEY]))
    except (TypeError, ValueError) as error:
        raise DamagedError(f"the description in {path} cannot be read: {error}; import the checkpoint again") from error
    try:
        network = build_encoder(spec, sum(tensor.numel() for tensor in tensors.values()))
    except ActiveLabelerError as error:
        raise type(error)(f"{path} cannot be used: {error}") from error
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise DamagedError(f"{path} holds no weights of {spec.architecture}: {error}") from error
    return spec, network.float().eval()
