"""What a call says about decoding beside its encoder."""

from __future__ import annotations

from dataclasses import replace

from protos.errors import InvalidInputError
from services.common.encoders.spec import DECODES, EXACT, EncoderSpec
from services.common.scaled import TURBO

_VERSION = 1  # of how scaled images are made


def check_decode(name: str, own: str = EXACT) -> str:
    """``name`` in its canonical spelling; "" where that is what the encoder says itself.

    Args:
        name: as the call has it; "" stands for the encoder's own.
        own: what the encoder says; "" stands for exact.

    Raises:
        InvalidInputError: for another one.
    """
    plain = name.strip().lower()
    if plain not in ("", *DECODES):
        raise InvalidInputError(f"decode {name!r} is not known; it takes {' or '.join(DECODES)}")
    return "" if plain == (own or EXACT) else plain


def read_as(spec: EncoderSpec, decode: str) -> EncoderSpec:
    """The encoder with the files read as `check_decode` says."""
    return replace(spec, decode=decode) if decode else spec


def part_of_name(decode: str) -> tuple[str, ...]:
    """What decoding adds to the name of a block: nothing where the encoder, which is in the name, says it."""
    library = "simplejpeg" if TURBO else "pillow"
    return (f"{decode} {_VERSION} {library}",) if decode else ()
