"""What the head says and how alike an image is to what people have called positive, in one ranking."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.sampler.strategies.pool import Items, Pool, Vectors
from services.sampler.strategies.ranking import smallest

SHORTLIST = 1_000  # images that are compared with the labelled ones: those with the highest scores
NEAREST = 3
HALF = 10  # known positives with which likeness has half of its weight
_CHUNK = 4_096  # labelled images at once
_LEAST = 1e-7


def likeliest(pool: Pool, among: Items, count: int, weight: float, rng: np.random.Generator) -> Items:
    """The likeliest positives, best first, by the head and by their nearest labels.

    The head draws one plane through the embeddings; whether an image lies close to known positives is another kind of evidence,
    and in a class that is spread out it is worth as much. The images with the highest scores are ranked by
    logit + ``weight`` * n^2 / (n^2 + 100) * z, with n the number of known positives and z the mean cosine to the three nearest of
    them less that to the three nearest negatives, brought to a mean of 0 and a deviation of 1 among these images. So a head that
    is sure leads, and few positives do not draw everything to themselves. Without labels of both kinds, or with a weight of 0,
    the score alone decides (``docs/benchmarks.md``).

    Args:
        pool: with scores, vectors and labels.
        among: items int64 [n] of the pool.
        count: how many, at most.
        weight: logits for each deviation of likeness, where there are many positives.
        rng: puts equal ranks in order.
    """
    scores = pool.scores[among].astype(np.float64)
    yes, no = pool.labelled[pool.positive], pool.labelled[~pool.positive]
    if weight == 0 or not len(yes) or not len(no):
        return among[smallest(-scores, count, rng)]
    short = smallest(-scores, max(SHORTLIST, count), rng)
    rows = pool.at(among[short])
    chance = scores[short].clip(_LEAST, 1 - _LEAST)
    likeness = _near(rows, pool, yes) - _near(rows, pool, no)
    trust = len(yes) ** 2 / (len(yes) ** 2 + HALF**2)
    rank = np.log(chance / (1 - chance)) + weight * trust * _standard(likeness)
    return among[short[smallest(-rank, count, rng)]]


def _near(rows: Vectors, pool: Pool, labelled: Items) -> NDArray[np.float64]:
    """The mean cosine of each row to its three nearest of ``labelled``, fewer where there are fewer."""
    most = np.empty((len(rows), 0), dtype=np.float32)
    for first in range(0, len(labelled), _CHUNK):
        cosines = rows @ pool.at(labelled[first : first + _CHUNK]).T
        most = np.sort(np.concatenate((most, cosines), axis=1), axis=1)[:, -NEAREST:]
    means: NDArray[np.float64] = most.astype(np.float64).mean(axis=1)
    return means


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)
