"""What the file of an encoder says of itself, read without PyTorch and without its weights."""

from __future__ import annotations

import json
from pathlib import Path

from protos.errors import ActiveLabelerError, DamagedError
from services.common.encoders.spec import EncoderSpec, spec_of

KEY = "active_labeler_encoder"  # of the description in the file's metadata
_LENGTH = 8  # bytes that say how long the header is
_LONGEST = 100_000_000


def read_spec(path: Path) -> EncoderSpec:
    """The description of an encoder.

    Raises:
        DamagedError: when the file is no encoder of ours, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH), "little")
            if not 0 < length <= _LONGEST:
                raise ValueError(f"a header of {length} bytes")
            return spec_of(json.loads(json.loads(file.read(length))["__metadata__"][KEY]))
    except (OSError, ValueError, KeyError, TypeError, ActiveLabelerError) as error:
        raise DamagedError(f"{path} is no encoder file: {error}; import the checkpoint again") from error
