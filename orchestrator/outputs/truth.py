"""What file names say about the true class, where they say it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def truth_of(paths: Sequence[str], pos_class: str) -> NDArray[np.bool_] | None:
    """Which images are truly positive [rows] bool: those whose path in the data set contains ``pos_class``.

    The metrics look at the whole path below the data root, so a folder per class tells as much as names do. (Simulated
    labels look at the file name alone, as the original's do.) None where nothing is known: no class is given, or no
    path contains it.
    """
    if not pos_class:
        return None
    truth = np.fromiter((pos_class in path for path in paths), dtype=np.bool_, count=len(paths))
    return truth if truth.any() else None
