"""Pictures from outside the catalog -> vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore
from services.common.encoders.geometry import pixels_of
from services.common.encoders.spec import EncoderSpec
from services.common.images import UnreadableImageError, read_file
from services.embedder.decoding_options import read_as
from services.embedder.encoder_cache import LoadedEncoder
from services.embedder.forward import NOT_FINITE, ForwardPass, finite_rows, in_order


def embed_pictures(
    store: ArtifactStore,
    images: Sequence[Artifact],
    names: Sequence[str],
    encoder: LoadedEncoder,
    precision: str,
    forward: ForwardPass,
    decode: str = "",
) -> NDArray[np.float32]:
    """Vectors float32 [n, dim] of n pictures.

    Args:
        store: where the pictures are.
        images: the pictures, whole files.
        names: as the user knows them; empty: those of the artifacts.
        encoder: on its device.
        precision: "fp32", "bf16" or "fp16".
        forward: the forward pass.
        decode: "exact" or "scaled", as for the data that they are compared with; "": as the encoder says.

    Raises:
        InvalidInputError: when one is no image, or their number is not that of the names.
        NotFoundError, DamagedError: when an artifact is not there or not whole.
    """
    if names and len(names) != len(images):
        raise InvalidInputError(f"{len(images)} pictures came with {len(names)} file names; send one each, or none")
    named = names or [image.path for image in images]
    vectors = np.zeros((len(images), encoder.spec.dim), dtype=np.float32)
    spec = read_as(encoder.spec, decode)
    pixels = (_read(store, *pair, spec) for pair in zip(images, named, strict=True))
    # One by one: somebody waits for the few that there are, and a padded batch would make one cost as much as many.
    found = in_order(pixels, lambda image: forward.start(encoder, [image], precision, batch_rows=1), forward.threads)
    for row, (_, vector) in enumerate(found):
        vectors[row] = vector[0]
    _check_finite(vectors, named)
    return vectors


def _read(store: ArtifactStore, image: Artifact, name: str, spec: EncoderSpec) -> NDArray[np.uint8]:
    try:
        return pixels_of(read_file(store.open(image)), spec)
    except UnreadableImageError as error:
        raise InvalidInputError(f"{name or image.path} cannot be used: {error}; give another image") from None


def _check_finite(vectors: NDArray[np.float32], names: Sequence[str]) -> None:
    for name, finite in zip(names, finite_rows(vectors), strict=True):
        if not finite:
            raise InvalidInputError(f"{name} cannot be used: {NOT_FINITE}; give another image or encoder")
