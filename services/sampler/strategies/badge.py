"""``badge``: a spread of large gradients (Ash, Zhang, Krishnamurthy, Langford and Agarwal 2020)."""

from __future__ import annotations

import numpy as np

from services.sampler.strategies.pool import Picks, Pool, picked
from services.sampler.strategies.ranking import smallest
from services.sampler.strategies.shortlist import best

CANDIDATES = 5_000


def badge(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """k-means++ draws among the gradients that items would have if the head were right (arXiv 1906.03671).

    With one logit the gradient of the last layer is (p - [p >= threshold]) x, for x the embedding at unit length. Only the
    5,000 items with the largest gradients are compared, and the first pick is the largest of all, as in the authors' code.

    Args:
        pool: with scores (float32 [rows]) and vectors (float32 [rows, dim]).
        count: how many.
        rng: draws by the squared distance to the nearest gradient drawn before.
    """
    scores = pool.scores[pool.items].astype(np.float64)
    size = np.where(scores >= pool.threshold, 1.0 - scores, scores)
    items = best(pool, -size, max(CANDIDATES, 4 * count), rng)
    chances = pool.scores[items].astype(np.float64)
    gradients = pool.at(items) * (chances - (chances >= pool.threshold)).astype(np.float32)[:, None]
    squares = (gradients.astype(np.float64) ** 2).sum(axis=1)
    chosen = [int(np.argmax(squares))]
    far = np.full(len(items), np.inf)
    while len(chosen) < count:
        newest = chosen[-1]
        distance = squares + squares[newest] - 2.0 * (gradients @ gradients[newest]).astype(np.float64)
        far = np.minimum(far, np.maximum(0.0, distance))
        far[chosen] = 0.0
        if far.sum() <= 0:  # all that is left lies where something was drawn
            break
        chosen.append(int(rng.choice(len(items), p=far / far.sum())))
    left = np.setdiff1d(np.arange(len(items)), chosen)
    more = left[smallest(-squares[left], count - len(chosen), rng)]
    return picked(items[np.concatenate([np.array(chosen, dtype=np.int64), more])], "badge")
