"""The images of a catalog, decoded once to a file of pixels that is read by mapping: memory stays flat however many there are."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protos.errors import ExhaustedError, InvalidInputError, NotFoundError
from services.common.catalog import BLOCK_ROWS, Catalog, Row
from services.common.encoders.geometry import read_pixels
from services.common.encoders.spec import EncoderSpec
from services.common.images import UnreadableImageError

log = logging.getLogger(__name__)
LEAST = 8  # images


@dataclass(frozen=True)
class Decoding:
    """How far the catalog has been read: the next item, and how many images were decoded and left out."""

    item: int = 0
    images: int = 0
    unreadable: int = 0


def decoded_so_far(folder: Path) -> Decoding:
    """What has been read into ``folder``."""
    note = folder / "pixels.json"
    return Decoding(**json.loads(note.read_text())) if note.exists() else Decoding()


def decode_all(
    catalog: Catalog, spec: EncoderSpec, folder: Path, threads: int, more: Callable[[], bool] = lambda: True
) -> Decoding:
    """Reads on from where an earlier call has stopped, 256 files at a time; unreadable ones are left out and counted.

    Args:
        catalog: of the data set.
        spec: of the encoder; its preprocessing makes the pixels.
        folder: where the pixels are kept.
        threads: that decode.
        more: asked after each 256 files whether to go on.

    Raises:
        NotFoundError: when the data folder is not on this machine.
        ExhaustedError: when there is too little space for the pixels.
    """
    if not catalog.root.is_dir():
        raise NotFoundError(
            f"the data folder {catalog.root} is not on this machine; set ACTIVE_LABELER_DATA_ROOT to where it is mounted here"
        )
    so_far, side, total = decoded_so_far(folder), spec.image_size, len(catalog)
    _check_space(folder, (total - so_far.item) * side * side * 3)
    with (folder / "pixels.bin").open("ab") as file, ThreadPoolExecutor(threads) as pool:
        file.truncate(so_far.images * side * side * 3)  # what was written and not noted is written again
        while so_far.item < total:
            rows = list(catalog.rows(so_far.item, BLOCK_ROWS))
            found = [pixels for pixels in pool.map(lambda row: _pixels(catalog, row, spec), rows) if pixels is not None]
            file.write(b"".join(pixels.tobytes() for pixels in found))
            file.flush()
            os.fsync(file.fileno())
            lost = len(rows) - len(found)
            so_far = Decoding(so_far.item + len(rows), so_far.images + len(found), so_far.unreadable + lost)
            _note(folder, so_far)
            if not more():
                break
    return so_far


def mapped(folder: Path, side: int) -> NDArray[np.uint8]:
    """The pixels uint8 [n, side, side, 3], read when they are looked at.

    Raises:
        InvalidInputError: when there are too few images to learn from.
    """
    images = decoded_so_far(folder).images
    if images < LEAST:
        unreadable = decoded_so_far(folder).unreadable
        raise InvalidInputError(
            f"{images} images cannot be pre-trained on ({unreadable} could not be read); it takes at least {LEAST}"
        )
    return np.memmap(folder / "pixels.bin", np.uint8, "r", shape=(images, side, side, 3))


def _pixels(catalog: Catalog, row: Row, spec: EncoderSpec) -> NDArray[np.uint8] | None:
    try:
        return read_pixels(catalog.file_of(row), spec)
    except (UnreadableImageError, MemoryError, ValueError) as error:  # the last two are of the resize
        log.warning("%s is left out of pre-training: %s", row.path, error)
        return None


def _note(folder: Path, so_far: Decoding) -> None:
    scratch = folder / "pixels.json.new"
    scratch.write_text(json.dumps(asdict(so_far)))
    scratch.replace(folder / "pixels.json")


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ExhaustedError(
            f"the pixels of the images take {needed / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB left; make space, or"
            " pre-train at a smaller image size"
        )
