"""``galaxy``: bisects between neighbours of opposite labels on the line of scores (Zhang, Katz-Samuels and Nowak 2022)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from services.sampler.strategies.pool import Items, Picks, Pool, picked
from services.sampler.strategies.ranking import smallest


def galaxy(pool: Pool, count: int, rng: np.random.Generator) -> Picks:
    """Items between a labelled no and a labelled yes that are next to each other in the order of scores.

    With two classes GALAXY's graph (arXiv 2202.01402) is one line: all items in the order of their scores. The shortest path
    between opposite labels is bisected, again and again; a batch does not know its own answers, so a picked item cuts its path
    in two, and both halves go on. Where no such path is left, the items nearest to the threshold follow, which balance
    the classes in the same way.

    Args:
        pool: with scores (float32 [rows]), labelled items (int64 [n]) and their answers (bool [n]).
        count: how many.
        rng: puts equal scores in order.
    """
    items = pool.items
    on_line = np.concatenate([items, pool.labelled])
    line = on_line[np.lexsort((rng.random(len(on_line)), pool.scores[on_line]))]
    gaps = _gaps(line, pool)
    found: list[int] = []
    while gaps and len(found) < count:
        place = min(range(len(gaps)), key=lambda number: (gaps[number][1] - gaps[number][0], number))
        first, last = gaps.pop(place)
        middle = (first + last) // 2
        found.append(int(line[middle]))
        gaps += [gap for gap in ((first, middle - 1), (middle + 1, last)) if gap[0] <= gap[1]]
    rest = items[~np.isin(items, found)]
    cost = np.abs(pool.scores[rest].astype(np.float64) - pool.threshold)
    more = rest[smallest(cost, count - len(found), rng)]
    return picked(np.concatenate([np.array(found, dtype=np.int64), more]), "galaxy")


def _gaps(line: Items, pool: Pool) -> list[tuple[int, int]]:
    """Stretches of unlabelled places (first, last) on the line that have a yes at one end and a no at the other."""
    answers = dict(zip(pool.labelled.tolist(), pool.positive.tolist(), strict=True))
    known = [(place, answers[item]) for place, item in enumerate(line.tolist()) if item in answers]
    return [
        (left + 1, right - 1) for (left, said), (right, other) in pairwise(known) if said != other and right - left > 1
    ]
