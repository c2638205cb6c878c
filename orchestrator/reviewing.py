"""The review bin: images that the head takes for positive, but that are not part of what a draw has proved.

A proof accepts what the head is sure of. Below its line, down to the probability from which images would be taken without a
proof, lie most of the rest of the class, and what is wrong. Whoever looks at all of these keeps the positives among them and
adds no error: a label is what people say, so the proof of the accepted images is not touched by it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.refs import Pick

REASON = "review"


def to_review(
    scores: NDArray[np.float32], present: NDArray[np.bool_], asked: NDArray[np.uint64], lowest: float, proved: float
) -> list[Pick]:
    """All images from the probability ``lowest`` on and below ``proved`` that nobody has answered, the likeliest first.

    Args:
        scores: probabilities, float32 [rows]; not-a-number where there is none.
        present: what has an embedding, bool [rows].
        asked: answered items, uint64 [n]; a log may speak of items that have no row yet.
        lowest: where the positive side would begin without a proof.
        proved: where the proved set begins.
    """
    free = present & (scores >= np.float32(lowest)) & (scores < np.float32(proved))
    free[asked[asked < len(free)].astype(np.int64)] = False
    items = np.flatnonzero(free)
    order = items[np.argsort(-scores[items], kind="stable")]
    return [Pick(item=int(item), reason=REASON, score=float(scores[item])) for item in order]
