"""How files become pixels for an encoder: scaled decoding where its vectors stay what they are, rotation as somebody wants it.

The answer is an encoder that says so in its own file: whoever has it, be it a replica, fine-tuning or the final model, reads
files in that way and no other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from protos.common_pb2 import Artifact, Encoder
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore, digest_of
from services.common.catalog import Catalog
from services.common.encoders.files import encoder_of, save_encoder
from services.common.encoders.geometry import to_pixels, wanted_side
from services.common.encoders.spec import DECODES, EXACT, SCALED, EncoderSpec
from services.common.images import UnreadableImageError, decode, turned_as_said
from services.common.scaled import scaled_jpeg
from services.common.windows import split
from services.embedder.choosing import MOST_ITEMS, WORTH_IT
from services.embedder.comparing import least_cosine, vectors_of
from services.embedder.decoding import inside, read_row
from services.embedder.encoder_cache import LoadedEncoder
from services.embedder.forward import ForwardPass

FEWEST_COSINE = 0.999
AUTO = "auto"
ROTATIONS = {"": None, "stored": False, "exif": True}
_VERSION = 1  # of how it is chosen
_Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class Wish:
    """What is wanted.

    Attributes:
        decode: "exact", "scaled", or "auto"; "": as the encoder has it.
        rotation: "stored" or "exif"; "": as the encoder has it.
    """

    decode: str = ""
    rotation: str = ""

    @staticmethod
    def of(decode: str, rotation: str) -> Wish:
        """What a request says.

        Raises:
            InvalidInputError: when it is none of these.
        """
        wish = Wish(decode.strip().lower(), rotation.strip().lower())
        if wish.decode not in ("", AUTO, *DECODES):
            raise InvalidInputError(f"decode {decode!r} is not known; it takes {AUTO}, {' or '.join(DECODES)}")
        if wish.rotation not in ROTATIONS:
            raise InvalidInputError(f"rotation {rotation!r} is not known; it takes stored or exif")
        return wish


@dataclass(frozen=True)
class Reading:
    """What was chosen.

    Attributes:
        decode: "exact" or "scaled".
        cosine: the least between the two ways of decoding; not-a-number where it was not measured.
        why: in words.
    """

    decode: str
    cosine: float
    why: str


def choose_reading(
    store: ArtifactStore,
    about: tuple[Encoder, Artifact],
    catalog: Catalog,
    items: Sequence[int],
    loaded: LoadedEncoder,
    forward: ForwardPass,
    wish: Wish,
) -> tuple[Encoder, Reading]:
    """The encoder that reads files as it is wished, and why so; published once, and the same for the same question.

    Args:
        store: where answers and encoders are published.
        about: the encoder and the catalog as the request names them.
        catalog: of the data set, opened.
        items: up to 64 of its rows, for "auto"; those that cannot be read are left out.
        loaded: the encoder, as PyTorch computes it.
        forward: the forward pass.
        wish: how files are to be read.

    Raises:
        InvalidInputError: for too many items, or one that the catalog does not have.
    """
    if len(items) > MOST_ITEMS or any(item >= len(catalog) for item in items):
        raise InvalidInputError(
            f"{len(items)} items of {len(catalog)} images cannot be compared; send up to {MOST_ITEMS} that there are"
        )
    encoder, listed = about
    upright = ROTATIONS[wish.rotation]
    spec = loaded.spec if upright is None else replace(loaded.spec, upright=upright)
    if wish.decode != AUTO:
        reading = Reading(wish.decode or spec.decode, np.nan, "as it was asked for")
    else:
        name = f"readings/{digest_of(_VERSION, encoder.artifact.sha256, listed.sha256, spec.upright, *items)}.json"
        reading = _found(store, name) or _kept(store, name, _measured(catalog, items, spec, loaded, forward))
    return _published(store, encoder, loaded, replace(spec, decode=reading.decode)), reading


def _found(store: ArtifactStore, name: str) -> Reading | None:
    note = store.find(name)
    return None if note is None else Reading(**json.loads(store.open(note).read_bytes()))


def _kept(store: ArtifactStore, name: str, reading: Reading) -> Reading:
    """Another replica may have been first, with another kind of processor: its answer stands."""
    content = json.dumps({"decode": reading.decode, "cosine": reading.cosine, "why": reading.why})
    artifact, _ = store.once(name, lambda path: path.write_text(content))
    return Reading(**json.loads(store.open(artifact).read_bytes()))


def _published(store: ArtifactStore, encoder: Encoder, loaded: LoadedEncoder, spec: EncoderSpec) -> Encoder:
    if spec == loaded.spec:
        return encoder
    name = digest_of("read", _VERSION, encoder.artifact.sha256, spec.decode, spec.upright)
    artifact, _ = store.once(f"encoders/{name}.safetensors", lambda path: save_encoder(path, loaded.network, spec))
    return encoder_of(artifact, spec)


def _measured(
    catalog: Catalog, items: Sequence[int], spec: EncoderSpec, loaded: LoadedEncoder, forward: ForwardPass
) -> Reading:
    if len(catalog) < WORTH_IT:
        return Reading(EXACT, np.nan, f"{len(catalog)} images are too few to gain anything")
    pairs = [pair for item in items if (pair := _both_ways(catalog, item, spec)) is not None]
    if not pairs:
        return Reading(EXACT, np.nan, "none of the images that were tried is a JPEG that can be scaled")
    exact, scaled = (vectors_of(forward, loaded, list(pixels), "fp32") for pixels in zip(*pairs, strict=True))
    cosine = least_cosine(exact, scaled)
    good = cosine >= FEWEST_COSINE
    told = f"cosine to exact decoding {'at least' if good else 'down to'} {cosine:.5f} on {len(pairs)} images"
    return Reading(SCALED if good else EXACT, cosine, told)


def _both_ways(catalog: Catalog, item: int, spec: EncoderSpec) -> _Pair | None:
    """An image decoded exactly and scaled; None where it cannot be read, or scaling is not for it."""
    try:
        row = catalog.row(item)
        if split(inside(catalog.root, row)) is not None:
            return None
        data = read_row(catalog.root, row)
        scaled = scaled_jpeg(data, wanted_side(spec))
        if scaled is None:
            return None
        if spec.upright:
            scaled = turned_as_said(scaled, data)
        return to_pixels(decode(data, upright=spec.upright), spec), to_pixels(scaled, spec)
    except (UnreadableImageError, MemoryError, ValueError):
        return None
