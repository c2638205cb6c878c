"""Encoders in memory: the last few that were used, on the device where they were used."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import nn

from protos.common_pb2 import Encoder
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore
from services.common.encoders.files import load_encoder
from services.common.encoders.spec import EncoderSpec, OnnxSpec
from services.embedder.gpu import Lanes

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class LoadedEncoder:
    """A network ready for the forward pass, what it is, and where."""

    spec: EncoderSpec
    network: nn.Module
    device: torch.device
    lanes: Lanes | None = None  # on a GPU


class EncoderCache:
    """Loads encoders from the store and keeps the last ``kept`` of them.

    Args:
        store: where encoder artifacts are.
        kept: how many stay in memory.
        graphs: record networks as CUDA graphs, on GPUs.
    """

    def __init__(self, store: ArtifactStore, kept: int = 2, graphs: bool = True) -> None:
        self._store, self._kept, self._graphs = store, kept, graphs
        self._lock = threading.Lock()
        self._encoders: OrderedDict[tuple[str, torch.device], LoadedEncoder] = OrderedDict()

    def load(self, encoder: Encoder, device: torch.device) -> LoadedEncoder:
        """The encoder of an artifact on a device.

        Raises:
            NotFoundError, DamagedError: when the artifact is not there or not whole.
            InvalidInputError: when the request describes it otherwise than its file does.
        """
        key = (encoder.artifact.sha256, device)
        with self._lock:
            if key not in self._encoders:
                spec, network = load_encoder(self._store.open(encoder.artifact))
                if isinstance(spec, OnnxSpec):
                    device = _CPU  # its file is computed there in any case
                network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
                lanes = Lanes(network, device, spec.image_size, self._graphs) if device.type == "cuda" else None
                self._encoders[key] = LoadedEncoder(spec, network, device, lanes)
            self._encoders.move_to_end(key)
            while len(self._encoders) > self._kept:
                self._encoders.popitem(last=False)
            loaded = self._encoders[key]
        _check(encoder, loaded.spec)
        return loaded

    def clear_gpu(self) -> None:
        """Forgets the encoders on GPUs and gives their memory back."""
        with self._lock:
            for key in [key for key in self._encoders if key[1].type == "cuda"]:
                del self._encoders[key]
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _check(encoder: Encoder, spec: EncoderSpec) -> None:
    for name in ("dim", "image_size"):
        said, is_ = getattr(encoder, name), getattr(spec, name)
        if said not in (0, is_):
            raise InvalidInputError(
                f"the request says {name} {said}, but encoder {encoder.artifact.path} has {is_};"
                " send the encoder as ImportEncoder answered it"
            )
