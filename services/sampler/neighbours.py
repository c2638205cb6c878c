"""Near-duplicates inside a batch: a person should not swipe the same picture twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.sampler.strategies.pool import Items, Pool


def apart(pool: Pool, ranking: Items, count: int, limit: float) -> NDArray[np.int64]:
    """Places int64 [min(count, n)] in a ranking [n] whose items are no more alike than ``limit``, a cosine.

    Greedy from the best on. Where too few are apart, the best of those left out fill up.
    """
    rows = pool.at(ranking)
    kept: list[int] = []
    for place in range(len(ranking)):
        if len(kept) == count:
            break
        if not kept or float((rows[kept] @ rows[place]).max()) <= limit:
            kept.append(place)
    left_out = [place for place in range(len(ranking)) if place not in set(kept)]
    return np.array([*kept, *left_out[: count - len(kept)]], dtype=np.int64)
