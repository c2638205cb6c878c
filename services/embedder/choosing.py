"""Whether an encoder may compute in bf16: only where its vectors stay what they are, on images of the data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from protos.errors import InvalidInputError
from services.common.catalog import Catalog
from services.common.encoders.spec import EncoderSpec, OnnxSpec
from services.embedder.decoding import decode_row
from services.embedder.encoder_cache import LoadedEncoder
from services.embedder.forward import ForwardPass, rows_of_batch

FEWEST_COSINE = 0.9999
MOST_ITEMS = 64
_CPU_FLAGS = ("avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16")


@dataclass(frozen=True)
class Choice:
    """What an encoder computes in.

    Attributes:
        precision: "fp32" or "bf16".
        cosine: the least between the two, over the images; not-a-number where it was not measured.
        why: in words.
    """

    precision: str
    cosine: float
    why: str


def choose_precision(
    catalog: Catalog, items: Sequence[int], encoder: LoadedEncoder, forward: ForwardPass, decode_as: str
) -> Choice:
    """bf16 where the device computes it natively and the vectors of all of the images keep a cosine of at least 0.9999 to fp32.

    Args:
        items: up to 64 rows of the catalog; those that cannot be read are left out.

    Raises:
        InvalidInputError: for too many items, or one that the catalog does not have.
    """
    if len(items) > MOST_ITEMS or any(item >= len(catalog) for item in items):
        raise InvalidInputError(
            f"{len(items)} items of {len(catalog)} images cannot be compared; send up to {MOST_ITEMS} that there are"
        )
    if not _gains(encoder.spec):
        return Choice("fp32", np.nan, f"{encoder.spec.architecture} computes in fp32")
    if not has_bf16(encoder.device):
        return Choice("fp32", np.nan, f"{encoder.device.type} has no bf16 of its own")
    rows = [next(catalog.rows(item, 1)) for item in items]
    decoded = [decode_row(catalog.root, row, encoder.spec, decode_as).pixels for row in rows]
    pixels = [image for image in decoded if image is not None]
    if not pixels:
        return Choice("fp32", np.nan, "none of the images that were tried can be read")
    exact, fast = (_vectors(encoder, pixels, forward, precision) for precision in ("fp32", "bf16"))
    cosine = _least_cosine(exact, fast)
    good = cosine >= FEWEST_COSINE
    why = f"cosine to fp32 {'at least' if good else 'down to'} {cosine:.6f} on {len(pixels)} images"
    return Choice("bf16" if good else "fp32", cosine, why)


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 natively, and does not only imitate it."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    flags = next((line for line in told.splitlines() if line.startswith(("flags", "Features"))), "")
    return not set(_CPU_FLAGS).isdisjoint(flags.split())


def _gains(spec: EncoderSpec) -> bool:
    return not isinstance(spec, OnnxSpec) and spec.architecture != "hog"


def _vectors(
    encoder: LoadedEncoder, pixels: Sequence[NDArray[np.uint8]], forward: ForwardPass, precision: str
) -> NDArray[np.float32]:
    size = rows_of_batch(encoder)
    parts = [
        forward.start(encoder, pixels[first : first + size], precision, size) for first in range(0, len(pixels), size)
    ]
    return np.concatenate([part.result() for part in parts])


def _least_cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Of each row with the other's [n, dim]; 0 where a vector is zero or not finite."""
    lengths = np.linalg.norm(one.astype(np.float64), axis=1) * np.linalg.norm(other.astype(np.float64), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.einsum("nd,nd->n", one.astype(np.float64), other.astype(np.float64)) / lengths
    return float(np.nan_to_num(cosines, nan=0.0, posinf=0.0, neginf=0.0).min())
