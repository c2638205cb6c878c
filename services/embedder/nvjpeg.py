"""JPEG files decoded on a GPU by nvJPEG, as torchvision has it: for encoders that take scaled decoding, where it is asked for.

Whatever is not a whole, plain, upright JPEG goes to the processor, and so does everything when the GPU fails: what is
unreadable, and why, is said in one place. No GPU was at hand when this was written: it was tested with another decoder in
nvJPEG's place, and is off unless ``ACTIVE_LABELER_NVJPEG`` is set.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from services.common.catalog import Row
from services.common.encoders.spec import SCALED, EncoderSpec, preprocessing_of
from services.common.images import UnreadableImageError, may_be_turned
from services.common.windows import is_name
from services.embedder.decoding import Decoded, decode_row, read_row

log = logging.getLogger(__name__)

# Files, uint8 [bytes], to pixels on the device, uint8 [3, height, width].
Decode = Callable[[list[Tensor]], list[Tensor]]
_FILTERS = {2: "bilinear", 3: "bicubic"}  # by Pillow's numbers
_MOST_PIXELS = 25_000_000
_END = b"\xff\xd9"


def find_nvjpeg(spec: EncoderSpec, device: torch.device, wanted: bool) -> NvJpeg | None:
    """nvJPEG on a device: where it is wanted and there, and the encoder takes scaled decoding and a filter that a GPU has."""
    if not wanted or device.type != "cuda" or spec.decode != SCALED or preprocessing_of(spec).resample not in _FILTERS:
        return None
    try:
        io_of = import_module("torchvision.io")
        decode: Any = io_of.decode_jpeg
        rgb = io_of.ImageReadMode.RGB
    except Exception as error:  # a torchvision for another PyTorch raises anything
        log.warning("images are decoded on the processor: torchvision is not there (%s)", error)
        return None
    return NvJpeg(lambda files: decode(files, mode=rgb, device=device), device)


@dataclass
class NvJpeg:
    """A decoder on a device.

    Attributes:
        decode: gives the pixels of whole JPEG files, or raises anything.
        device: where they are.
        failed: whether it has failed, and is not asked again.
    """

    decode: Decode
    device: torch.device
    failed: bool = False

    def rows(self, root: Path, rows: Sequence[Row], spec: EncoderSpec) -> list[Decoded]:
        """The files of some rows: what the GPU can decode, by it, and the others as `decode_row` does it."""
        suited = {at: data for at, row in enumerate(rows) if (data := self._suited(root, row, spec)) is not None}
        pixels = dict(zip(suited, self._squares(list(suited.values()), spec), strict=True))
        return [
            decode_row(root, row, spec)
            if (square := pixels.get(at)) is None
            else Decoded(square, hashlib.sha256(suited[at]).digest())
            for at, row in enumerate(rows)
        ]

    def _suited(self, root: Path, row: Row, spec: EncoderSpec) -> bytes | None:
        """The bytes of a file that is for the GPU."""
        if self.failed or is_name(row.path):
            return None
        try:
            data = read_row(root, row)
            if data[:3] != b"\xff\xd8\xff" or not data.endswith(_END) or (spec.upright and may_be_turned(data)):
                return None
            with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
                plain = image.mode in ("RGB", "L") and 0 < image.width * image.height <= _MOST_PIXELS
        except UnreadableImageError:
            return None
        except Exception:  # a mutated file raises anything
            return None
        return data if plain and max(image.size) <= 16 * min(image.size) else None

    def _squares(self, files: list[bytes], spec: EncoderSpec) -> list[NDArray[np.uint8] | None]:
        if not files:
            return []
        try:
            decoded = self.decode([torch.frombuffer(bytearray(data), dtype=torch.uint8) for data in files])
            return [_square(image, spec) for image in decoded]
        except Exception as error:  # of the driver, the library, or one file of them
            return self._one_by_one(files, spec, error)

    def _one_by_one(self, files: list[bytes], spec: EncoderSpec, error: Exception) -> list[NDArray[np.uint8] | None]:
        """Where a batch failed: each alone, and where none can be had, nothing more."""
        if len(files) > 1:
            found = [self._squares([data], spec)[0] for data in files]
            if any(square is not None for square in found):
                return found
            self.failed = True
            log.warning("images are decoded on the processor from now on: nvJPEG fails (%s)", error)
        return [None] * len(files)


def _square(image: Tensor, spec: EncoderSpec) -> NDArray[np.uint8]:
    """Pixels uint8 [3, height, width] as `geometry.to_pixels` makes them, nearly."""
    about, side = preprocessing_of(spec), spec.image_size
    height, width = image.shape[1:]
    size = [about.resize * length // min(height, width) for length in (height, width)] if about.resize else [side, side]
    resized = functional.interpolate(
        image[None].float(), size, mode=_FILTERS[about.resample], align_corners=False, antialias=True
    )
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    cut = resized[0, :, top : top + side, left : left + side].round().clamp(0, 255).to(torch.uint8)
    pixels: NDArray[np.uint8] = cut.permute(1, 2, 0).cpu().numpy()
    return pixels
