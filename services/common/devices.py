"""Where a worker computes: "auto", "cpu", "cuda" or "cuda:N", and the claim that keeps two workers off one GPU."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from protos.errors import ConflictError, InvalidInputError
from services.common.gpu_claim import GpuClaim
from services.common.settings import ServiceSettings

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)


class DeviceSettings(ServiceSettings):
    """The settings of a service that may compute on a GPU."""

    device: str = Field(
        "auto", description='where to compute when a call does not say: "auto", "cpu", "cuda", "cuda:N"'
    )
    require_device: bool = Field(
        False, description='refuse "cuda" where there is no GPU, in the place of a warning and the processor'
    )
    gpu_locks: Path = Field(
        Path(tempfile.gettempdir()) / "active-labeler-gpus",
        description="folder of the locks by which workers claim GPUs; workers that share GPUs share it",
    )
    gpu_idle_seconds: float = Field(60, ge=0, description="a GPU that this worker did not use for so long is let go")
    gpu_wait_seconds: float = Field(180, ge=0, description="how long a call waits for a GPU that other workers hold")


def parse_device(wanted: str) -> tuple[str, int | None]:
    """("auto", None), ("cpu", None), ("cuda", None) or ("cuda", N) for a setting; "" means "auto".

    Raises:
        InvalidInputError: for anything else.
    """
    kind, colon, number = (wanted.strip().lower() or "auto").partition(":")
    if kind in ("auto", "cpu", "cuda") and not colon:
        return kind, None
    if kind in ("cuda", "cpu") and number.isascii() and number.isdigit():
        return kind, int(number) if kind == "cuda" else None
    raise InvalidInputError(f'device {wanted!r} is none of "auto", "cpu", "cuda" and "cuda:0", "cuda:1", ...')


class Devices:
    """Chooses the device of each call and holds the claim on a GPU while it is used.

    Args:
        settings: of the service.
        on_release: called when a GPU is let go; drop what lies in its memory.
        gpu_ids: the UUIDs of the GPUs of this machine; asked of CUDA when not given.
    """

    def __init__(
        self,
        settings: DeviceSettings,
        on_release: Callable[[], None] = lambda: None,
        gpu_ids: Callable[[], list[str]] | None = None,
    ) -> None:
        self._settings = settings
        self._gpu_ids = gpu_ids or cuda_uuids
        self._claim = GpuClaim(
            settings.gpu_locks, settings.gpu_idle_seconds, settings.gpu_wait_seconds, on_release=on_release
        )

    def resolve(self, wanted: str = "") -> tuple[str, int | None]:
        """("cpu", None), or ("cuda", number or None for any GPU), after looking at what there is.

        Raises:
            InvalidInputError: for a device that is no device, or a GPU number that this machine does not have.
            ConflictError: for "cuda" without a GPU, when ``require_device`` is set.
        """
        kind, number = parse_device(wanted or self._settings.device)
        gpus = len(self._gpu_ids()) if kind != "cpu" else 0
        if kind == "cpu" or (kind == "auto" and not gpus):
            return "cpu", None
        if not gpus:
            return self._without_gpu(wanted or self._settings.device)
        if number is not None and number >= gpus:
            raise InvalidInputError(f"device cuda:{number} is not there; this machine has {gpus} GPU(s), from cuda:0")
        return "cuda", number

    @contextmanager
    def use(self, wanted: str = "") -> Iterator[torch.device]:
        """The device to compute on; a GPU is claimed until the block ends, and kept for the idle time after it.

        Raises:
            UnavailableError: when other workers hold every GPU for too long; and as ``resolve`` does.
        """
        import torch

        kind, number = self.resolve(wanted)
        if kind == "cpu":
            yield torch.device("cpu")
            return
        gpus = self._gpu_ids()
        with self._claim.using(gpus if number is None else [gpus[number]]) as uuid:
            yield torch.device("cuda", gpus.index(uuid))

    def describe(self) -> str:
        """For people: "cpu", or "cuda:0 NVIDIA H200"."""
        import torch

        kind, number = self.resolve()
        return kind if kind == "cpu" else f"cuda:{number or 0} {torch.cuda.get_device_name(number or 0)}"

    def _without_gpu(self, wanted: str) -> tuple[str, int | None]:
        if self._settings.require_device:
            raise ConflictError(f'device {wanted!r} is asked of a worker without GPU; set device to "auto" or "cpu"')
        log.warning("device %r is asked for, but there is no GPU: computing on the processor", wanted)
        return "cpu", None


def cuda_uuids() -> list[str]:
    """The UUIDs of the GPUs that this process sees, in the order of their numbers; empty without CUDA."""
    import torch

    if not torch.cuda.is_available():
        return []
    return [str(torch.cuda.get_device_properties(number).uuid) for number in range(torch.cuda.device_count())]
