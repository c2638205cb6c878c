"""OpenVINO's network of an encoder, made when it is first asked for."""

from __future__ import annotations

import logging
import threading

import torch
from torch import nn

from protos.errors import ActiveLabelerError, ConflictError
from services.common.encoders.spec import EncoderSpec
from services.embedder.openvino.converting import is_for_others
from services.embedder.openvino.library import is_installed
from services.embedder.openvino.network import OpenVinoNetwork

log = logging.getLogger(__name__)


class LazyNetwork:
    """Tries once; what came of it holds.

    Args:
        network: on its device.
        spec: what it is.
        device: where it is.
        threads: batches at the same time.
    """

    def __init__(self, network: nn.Module, spec: EncoderSpec, device: torch.device, threads: int) -> None:
        self._network, self._spec, self._device, self._threads = network, spec, device, threads
        self._making = threading.Lock()
        self._made: OpenVinoNetwork | ActiveLabelerError | None = None

    def get(self) -> OpenVinoNetwork:
        """The network.

        Raises:
            InvalidInputError: when OpenVINO cannot compute it.
            ConflictError: when openvino is not installed, or a GPU computes.
        """
        if self._device.type != "cpu":
            raise ConflictError(
                f"encoder.backend is openvino, which computes on processors here, but the device is {self._device}; set device to"
                " cpu, or encoder.backend to auto"
            )
        with self._making:
            if self._made is None:
                try:
                    self._made = OpenVinoNetwork(self._network, self._spec, self._threads)
                except ActiveLabelerError as error:
                    self._made = error
            if isinstance(self._made, ActiveLabelerError):
                raise type(self._made)(str(self._made)) from self._made
            return self._made

    def get_if_possible(self) -> OpenVinoNetwork | None:
        """The network; None where PyTorch has to compute it. What speaks against OpenVINO is logged where that is a surprise."""
        if self._device.type != "cpu" or not is_installed() or is_for_others(self._spec):
            return None
        first = self._made is None
        try:
            return self.get()
        except ActiveLabelerError as error:
            if first:
                log.warning("PyTorch computes the encoder: %s", error)
            return None
