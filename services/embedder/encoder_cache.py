"""Encoders in memory: the last few that were used, on the device where they were used."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

import torch
from torch import nn

from protos.common_pb2 import Encoder
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore
from services.common.encoders.files import load_encoder
from services.common.encoders.spec import EXACT, EncoderSpec, OnnxSpec
from services.embedder.backends import OPENVINO, TORCH
from services.embedder.gpu import Lanes
from services.embedder.openvino.lazily import LazyNetwork
from services.embedder.openvino.network import OpenVinoNetwork

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class LoadedEncoder:
    """A network ready for the forward pass, what it is, and where."""

    spec: EncoderSpec
    network: nn.Module
    device: torch.device
    lanes: Lanes | None = None  # on a GPU
    openvino: OpenVinoNetwork | None = None  # where that computes it, on a processor

    @property
    def backend(self) -> str:
        """Who computes it: "torch" (and what comes with it) or "openvino"."""
        return TORCH if self.openvino is None else OPENVINO


class EncoderCache:
    """Loads encoders from the store and keeps the last ``kept`` of them.

    Args:
        store: where encoder artifacts are.
        kept: how many stay in memory.
        graphs: record networks as CUDA graphs, on GPUs.
        threads: batches that OpenVINO computes at the same time.
    """

    def __init__(self, store: ArtifactStore, kept: int = 2, graphs: bool = True, threads: int = 1) -> None:
        self._store, self._kept, self._graphs, self._threads = store, kept, graphs, threads
        self._lock = threading.Lock()
        self._encoders: OrderedDict[tuple[str, torch.device], tuple[LoadedEncoder, LazyNetwork]] = OrderedDict()

    def load(self, encoder: Encoder, device: torch.device, backend: str = TORCH) -> LoadedEncoder:
        """The encoder of an artifact on a device.

        Args:
            encoder: the artifact.
            device: where it computes.
            backend: "torch", "openvino", or "auto": OpenVINO where it can compute this encoder here, else PyTorch.

        Raises:
            NotFoundError, DamagedError: when the artifact is not there or not whole.
            InvalidInputError: when the request describes it otherwise than its file does, or OpenVINO cannot compute it.
            ConflictError: when OpenVINO is not installed, or the device is a GPU.
        """
        loaded, lazy = self._of(encoder, device)
        _check(encoder, loaded.spec)
        if backend == TORCH:
            return loaded
        return replace(loaded, openvino=lazy.get() if backend == OPENVINO else lazy.get_if_possible())

    def _of(self, encoder: Encoder, device: torch.device) -> tuple[LoadedEncoder, LazyNetwork]:
        key = (encoder.artifact.sha256, device)
        with self._lock:
            if key not in self._encoders:
                spec, network = load_encoder(self._store.open(encoder.artifact))
                if isinstance(spec, OnnxSpec):
                    device = _CPU  # its file is computed there in any case
                network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
                lanes = Lanes(network, device, spec.image_size, self._graphs) if device.type == "cuda" else None
                lazy = LazyNetwork(network, spec, device, self._threads)
                self._encoders[key] = LoadedEncoder(spec, network, device, lanes), lazy
            self._encoders.move_to_end(key)
            while len(self._encoders) > self._kept:
                self._encoders.popitem(last=False)
            return self._encoders[key]

    def clear_gpu(self) -> None:
        """Forgets the encoders on GPUs and gives their memory back."""
        with self._lock:
            for key in [key for key in self._encoders if key[1].type == "cuda"]:
                del self._encoders[key]
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _check(encoder: Encoder, spec: EncoderSpec) -> None:
    said_of = {"dim": encoder.dim, "image_size": encoder.image_size, "decode": encoder.decode or EXACT}
    for name, said in {**said_of, "upright": encoder.upright}.items():
        is_ = getattr(spec, name)
        if said != is_ and not (said == 0 and name in ("dim", "image_size")):
            raise InvalidInputError(
                f"the request says {name} {said}, but encoder {encoder.artifact.path} has {is_};"
                " send the encoder as ImportEncoder answered it"
            )
