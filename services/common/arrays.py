"""Arrays as artifacts: ``.npy`` files without pickles, mapped into memory when they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from protos.errors import DamagedError


def map_array(path: Path, dtype: DTypeLike, dims: int) -> NDArray[Any]:
    """The array of an ``.npy`` file, memory-mapped and read-only.

    Args:
        path: the verified file.
        dtype: what its elements must be.
        dims: how many axes it must have.

    Raises:
        DamagedError: when the file is no ``.npy`` file, holds pickles, or another kind of array.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, TypeError) as error:
        raise DamagedError(f"{path} is no .npy file: {error}") from error
    if not isinstance(array, np.ndarray) or array.dtype != np.dtype(dtype) or array.ndim != dims:
        found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else "an archive"
        raise DamagedError(f"{path} holds {found} where {np.dtype(dtype)} with {dims} axes was expected")
    return array
