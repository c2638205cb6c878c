"""Images of the data set, and how near to PyTorch's fp32 their vectors are when they are computed otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.common.catalog import Catalog
from services.embedder.decoding import decode_row
from services.embedder.decoding_options import read_as
from services.embedder.encoder_cache import LoadedEncoder
from services.embedder.forward import ForwardPass, rows_of_batch


class Trial:
    """Decodes the images, and computes the exact vectors, once and when they are asked for.

    Args:
        catalog: of the data set.
        items: its rows; those that cannot be read are left out.
        encoder: as PyTorch computes it.
        forward: the forward pass.
        decode: "exact" or "scaled"; "": as the encoder says.
    """

    def __init__(
        self, catalog: Catalog, items: Sequence[int], encoder: LoadedEncoder, forward: ForwardPass, decode: str
    ) -> None:
        self._catalog, self._items, self._forward = catalog, items, forward
        self._spec = read_as(encoder.spec, decode)
        self.encoder = encoder

    @cached_property
    def pixels(self) -> list[NDArray[np.uint8]]:
        """Of the images that can be read, each uint8 [side, side, 3]."""
        catalog = self._catalog
        rows = [next(catalog.rows(item, 1)) for item in self._items]
        decoded = [decode_row(catalog.root, row, self._spec).pixels for row in rows]
        return [image for image in decoded if image is not None]

    def cosine(self, encoder: LoadedEncoder, precision: str) -> float:
        """The least cosine between the exact vectors and those of ``encoder`` in ``precision``, of at least one image."""
        return least_cosine(self._exact, self._vectors(encoder, precision))

    @cached_property
    def _exact(self) -> NDArray[np.float32]:
        return self._vectors(self.encoder, "fp32")

    def _vectors(self, encoder: LoadedEncoder, precision: str) -> NDArray[np.float32]:
        return vectors_of(self._forward, encoder, self.pixels, precision)


def vectors_of(
    forward: ForwardPass, encoder: LoadedEncoder, pixels: Sequence[NDArray[np.uint8]], precision: str
) -> NDArray[np.float32]:
    """Vectors float32 [n, dim] of n images uint8 [side, side, 3], at least one, in batches as blocks have them."""
    size = rows_of_batch(encoder)
    batches = [pixels[first : first + size] for first in range(0, len(pixels), size)]
    parts = [forward.start(encoder, batch, precision, size, mend=False) for batch in batches]
    return np.concatenate([part.result() for part in parts])


def least_cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Of each row with the other's [n, dim]; 0 where a vector is zero or not finite."""
    lengths = np.linalg.norm(one.astype(np.float64), axis=1) * np.linalg.norm(other.astype(np.float64), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.einsum("nd,nd->n", one.astype(np.float64), other.astype(np.float64)) / lengths
    return float(np.nan_to_num(cosines, nan=0.0, posinf=0.0, neginf=0.0).min())
