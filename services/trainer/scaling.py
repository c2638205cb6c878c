"""The scale of embeddings, and how a head copes with an unusual one.

The original trains on raw vectors at a rate of 0.1 and momentum 0.9. That goes well for what trained encoders give (norms of
ten or so around a mean that does not dominate), and there a head takes its embeddings as they are, bit for bit. Elsewhere it
ends in a dead or a blind head. Measured with 20 to 220 labels of CIFAR-10, a tenth of them positive, five epochs a round, mean
AUC on the rest of the pool after ten rounds:

====================================  ==============  =====  =======  ==============
encoder                               norm (centred)  raw    clipped  shift and scale
====================================  ==============  =====  =======  ==============
ResNet-18, trained                    16 (12)         0.85   0.85     0.84
ResNet-18, random, statistics set     19 (15)         0.72   0.70     0.69
miniCNN, random                       30 (8)          0.59   0.58     0.70
ResNet-18, random, no statistics      1019 (291)      dead   0.61     0.76
====================================  ==============  =====  =======  ==============

Clipping the gradient keeps a head alive, but does not make it see. So: the gradient is always clipped, and where the
embeddings spread too little, too much, or lie far from the origin compared with their spread, a head gets a fixed shift (their
mean) and scale (to a spread of 15). Both are stored in the head and stay with it when it is carried on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from services.trainer.heads import Head

USUAL_SPREAD = (2.0, 50.0)
USUAL_SHARE = 0.5  # of the norm that is spread and not mean
TARGET_SPREAD = 15.0
SAMPLE_ROWS = 4096


@dataclass(frozen=True)
class Scaling:
    """What a head does to its inputs first: ``(x - shift) * scale``; ``shift`` is float32 [dim]."""

    shift: NDArray[np.float32]
    scale: float

    def apply_to(self, head: Head) -> None:
        """Stores it in a fresh head."""
        head.shift.copy_(torch.from_numpy(self.shift))
        head.scale.fill_(self.scale)


def sample_rows(vectors: NDArray[np.float32], present: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Up to 4096 embeddings [n, dim] evenly from the whole matrix: finite ones of items that are ``present`` [rows]."""
    step = -(-len(vectors) // SAMPLE_ROWS) or 1
    rows = np.asarray(vectors[::step])
    return rows[np.isfinite(rows).all(axis=1) & np.asarray(present[::step])]


def scaling_for(sample: NDArray[np.float32]) -> Scaling:
    """The scaling that embeddings like ``sample`` [n, dim] need; the identity where their scale is usual."""
    rows = sample.astype(np.float64)
    nothing = Scaling(np.zeros(sample.shape[1], dtype=np.float32), 1.0)
    if len(rows) < 2:
        return nothing
    mean = rows.mean(axis=0)
    spread = _root_mean_square(rows - mean)
    norm = _root_mean_square(rows)
    low, high = USUAL_SPREAD
    if spread <= 1e-6 * norm or (low <= spread <= high and spread >= USUAL_SHARE * norm):
        return nothing
    return Scaling(mean.astype(np.float32), TARGET_SPREAD / spread)


def _root_mean_square(rows: NDArray[np.float64]) -> float:
    return float(np.sqrt((rows**2).sum(axis=1).mean()))
