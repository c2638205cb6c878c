"""The final model as one safetensors file: the weights of encoder and head, and what they are in one metadata entry.

The tensors are named ``encoder.*`` and ``head.*``; the entry ``active_labeler_model`` is JSON (`about_model`).
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from protos.errors import DamagedError, InvalidInputError
from services.common.encoders.networks import build_encoder
from services.common.encoders.spec import PreparedSpec
from services.trainer.about_model import KEY, AboutModel, about_or_damaged
from services.trainer.final_model import FinalModel
from services.trainer.heads import Head, HeadShape
from services.trainer.network import EncoderWithHead


def safetensors_bytes(network: EncoderWithHead, about: AboutModel) -> bytes:
    """The content of a model's file; equal models give equal bytes."""
    tensors = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in network.state_dict().items()
    }
    return save(tensors, {KEY: about.to_json()})


def load_safetensors(path: Path) -> FinalModel:
    """Reads a model. No memory is taken for what the file only claims: the network is built around the weights in it.

    Raises:
        InvalidInputError: when it is no final model, or made by a later version.
        DamagedError: when it says that it is one and is not whole.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            text = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError, MemoryError) as error:
        raise DamagedError(f"{path} is a damaged safetensors file: {_line(error)}; export it again") from error
    if text is None:
        raise InvalidInputError(f"{path} is a safetensors file, but no final model of this program; export one")
    about = about_or_damaged(text, path)
    try:
        # A hub model has tables of its own, which no file holds: it is made whole, once its size is known to be that of the file.
        # So is what normalises the images of one that came as ONNX.
        weights = sum(tensor.numel() for name, tensor in tensors.items() if name.startswith("encoder."))
        with torch.device("cpu" if isinstance(about.encoder, PreparedSpec) else "meta"):
            encoder = build_encoder(about.encoder, weights)
            network = EncoderWithHead(encoder, Head(HeadShape(**about.head)))
        network.load_state_dict(tensors, assign=True)
    except (RuntimeError, ValueError, KeyError, TypeError, InvalidInputError) as error:
        raise DamagedError(f"{path} is a damaged final model: {_line(error)}; export it again") from error
    return FinalModel(network.float().eval(), about.encoder, about.positive_name, about.threshold)


def _line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
