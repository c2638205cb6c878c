"""Arrays as artifacts, written."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protos.common_pb2 import Artifact
from services.common.artifacts import ArtifactStore


def put_array(store: ArtifactStore, name: str, values: NDArray[Any]) -> Artifact:
    """Publishes an array as ``.npy`` under ``name``."""
    with store.writing(name) as writing, writing.path.open("wb") as file:
        np.save(file, values, allow_pickle=False)
    return writing.artifact
