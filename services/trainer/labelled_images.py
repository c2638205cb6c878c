"""The images of labelled items, in memory."""

from __future__ import annotations

import logging

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from protos.errors import InvalidInputError
from services.common.catalog import Catalog
from services.common.encoders.geometry import read_pixels
from services.common.encoders.preprocess import to_batch
from services.common.encoders.spec import EncoderSpec
from services.common.images import UnreadableImageError
from services.trainer.labelled import Labels, ShuffledBatches, check_labels

log = logging.getLogger(__name__)


def read_labelled(catalog: Catalog, labels: Labels, spec: EncoderSpec) -> tuple[NDArray[np.uint8], Labels]:
    """Pixels uint8 [n, side, side, 3] of the labelled images, and their labels; unreadable ones are left out.

    Raises:
        InvalidInputError: when there are no labels, an item is not in the catalog, or no image can be read.
    """
    check_labels(labels, len(catalog))
    items, positive = labels
    pixels, kept = [], np.zeros(len(items), dtype=np.bool_)
    for number, item in enumerate(items.tolist()):
        row = catalog.row(item)
        try:
            pixels.append(read_pixels(catalog.file_of(row), spec))
            kept[number] = True
        except UnreadableImageError as error:
            log.warning("item %d (%s) is left out of fine-tuning: %s", item, row.path, error)
    if not pixels:
        raise InvalidInputError(
            f"none of the {len(items)} labelled images below {catalog.root} can be read; is the data set still there?"
        )
    return np.stack(pixels), (items[kept], positive[kept])


class FlippedBatches(ShuffledBatches):
    """Batches of images uint8 [n, side, side, 3] as network input, each image mirrored left to right every other time."""

    def prepare(self, inputs: Tensor) -> Tensor:
        """Float32 [n, 3, side, side]; what is mirrored follows from the seed."""
        mirrored = torch.rand(len(inputs), generator=self.generator) < 0.5
        images = torch.where(mirrored.view(-1, 1, 1, 1), inputs.flip(2), inputs)
        return to_batch(images.numpy())
