"""``dropquery``: items whose answer changes when the head sees only parts of them (Gupte et al. 2024)."""

from __future__ import annotations

import numpy as np

from services.sampler.clusters import fit
from services.sampler.strategies.pool import Items, Picks, Pool, picked
from services.sampler.strategies.ranking import smallest

CANDIDATES = 10_000


def dropquery(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """The centres of k-means clusters among items that more than half of the dropped-out heads see otherwise.

    A member of the committee sees part of each embedding (arXiv 2401.14555). An item is a candidate when more than half
    of the members are on the other side of the threshold than the whole head; where these are too few, those with the next
    most dissenters are added. Up to 10,000 candidates make as many clusters as items are wanted.

    Args:
        pool: with scores (float32 [rows]), vectors (float32 [rows, dim]) and a committee of kind "dropout" (float32
            [members, rows]).
        count: how many.
        rng: puts equal candidates in order, and begins the clusters.
    """
    assert pool.committee is not None
    items = pool.items
    whole = pool.scores[items] >= pool.threshold
    dissent = (np.asarray(pool.committee[:, items]) >= pool.threshold) != whole
    share = dissent.mean(axis=0)
    wanted = int(np.clip(np.count_nonzero(share > 0.5), count, max(CANDIDATES, count)))
    candidates = items[smallest(-share.astype(np.float64), wanted, rng)]
    return picked(_centres(pool, candidates, count, rng), "dropquery")


def _centres(pool: Pool, candidates: Items, count: int, rng: np.random.Generator) -> Items:
    rows = pool.at(candidates)
    likeness = rows @ fit(rows, count, rng).T
    chosen: dict[int, None] = {}
    for cluster in range(likeness.shape[1]):
        for place in np.argsort(-likeness[:, cluster], kind="stable").tolist():
            if place not in chosen:
                chosen[place] = None
                break
    others = [place for place in range(len(candidates)) if place not in chosen]
    return candidates[[*chosen, *others][:count]]
