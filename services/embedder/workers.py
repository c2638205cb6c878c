"""What all calls of one replica share: the device, the encoders in memory, who decodes, the forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from protos.common_pb2 import Encoder
from services.common.artifacts import ArtifactStore
from services.common.devices import Devices, choose_device
from services.common.encoders.spec import ONNX
from services.embedder.backends import TORCH
from services.embedder.decoders import Decoders
from services.embedder.encoder_cache import EncoderCache, LoadedEncoder
from services.embedder.forward import ForwardPass
from services.embedder.settings import EmbedderSettings


class Workers:
    """Built once for each process.

    Args:
        store: where artifacts are.
        settings: thread counts and the device.

    Raises:
        InvalidInputError, ConflictError: when the device of the settings is not there.
    """

    def __init__(self, store: ArtifactStore, settings: EmbedderSettings) -> None:
        self.settings = settings
        self.encoders = EncoderCache(store, settings.encoders_kept, settings.cuda_graphs, settings.compute_threads)
        self.forward = ForwardPass(settings.compute_threads)
        self.decoders = Decoders(settings.decode_threads, settings.decode_processes)
        self.devices = Devices(settings, on_release=self.encoders.clear_gpu)
        self.device_of("")

    def device_of(self, name: str) -> torch.device:
        """The device that a request's ``name`` stands for; "" stands for the one of the settings."""
        return choose_device(name or self.settings.device, self.settings.require_device)

    @contextmanager
    def encoder(self, encoder: Encoder, device_name: str, backend: str = TORCH) -> Iterator[LoadedEncoder]:
        """The encoder on its device, which is held within the block where it is a GPU.

        Args:
            encoder: the artifact.
            device_name: as of `device_of`.
            backend: "torch", "openvino", or "auto": OpenVINO where it can compute this encoder here.

        Raises:
            ConflictError: when no GPU can be had, or OpenVINO cannot.
            InvalidInputError: when OpenVINO cannot compute this encoder.
        """
        self.device_of(device_name)
        if encoder.architecture == ONNX:  # onnxruntime computes on the processor: a GPU stays free for others
            yield self.encoders.load(encoder, torch.device("cpu"), backend)
            return
        with self.devices.use(device_name) as device:
            yield self.encoders.load(encoder, device, backend)

    def close(self) -> None:
        """Ends threads and processes."""
        self.forward.close()
        self.decoders.close()
