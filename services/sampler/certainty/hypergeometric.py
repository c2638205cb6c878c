"""Exact bounds for a finite pool: how many of its items can be marked, when so many of a uniform draw were.

A draw without replacement of m items from a pool of U, K of them marked, has a hypergeometric number of marked ones. Inverting
its tail gives a bound that holds with at least the stated confidence for every U, K and m (Clopper and Pearson, 1934, for the
binomial; Buonaccorsi, 1987, for the finite pool, where it is tighter). Nothing is approximated but the last digits of the sum.
"""

from __future__ import annotations

from math import exp, inf, lgamma, log


def lower_tail(hits: int, pool: int, marked: int, drawn: int) -> float:
    """P(X <= hits), X marked items among ``drawn`` of a ``pool`` with ``marked`` of them; between 0 and 1."""
    least, most = max(0, drawn - (pool - marked)), min(marked, drawn)
    if hits < least:
        return 0.0
    if hits >= most:
        return 1.0
    term = _log_choose(marked, hits) + _log_choose(pool - marked, drawn - hits) - _log_choose(pool, drawn)
    share, total = 1.0, 1.0  # of the term at x to that at hits; below the mode they fall as x falls
    for x in range(hits, least, -1):
        share *= x * (pool - marked - drawn + x) / ((marked - x + 1) * (drawn - x + 1))
        total += share
        if share < 1e-18 * total and x < drawn * marked / pool:
            break
    return min(1.0, exp(term + log(total))) if term + log(total) > -745 else 0.0


def most_marked(pool: int, drawn: int, hits: int, confidence: float = 0.95) -> int:
    """Upper bound of the marked items in the pool: the most that ``hits`` or fewer are still likely enough with.

    Args:
        pool: items that it was drawn from.
        drawn: items drawn uniformly without replacement.
        hits: marked items among these.
        confidence: the bound holds in at least so many of all draws; above 0 and below 1.

    Returns:
        an integer from ``hits`` to ``pool - (drawn - hits)``; the pool when nothing was drawn.
    """
    low, high = hits, pool - (drawn - hits)  # the first is always possible
    while low < high:
        middle = (low + high + 1) // 2
        if lower_tail(hits, pool, middle, drawn) > 1 - confidence:
            low = middle
        else:
            high = middle - 1
    return low


def draws_needed(pool: int, allowed: int, confidence: float = 0.95) -> int | None:
    """The fewest draws that, with no hit among them, bound the marked items by ``allowed``; None where the pool is too small.

    More than ``allowed`` marked items cannot all hide in what was not drawn once that is smaller than them, so a whole pool
    always suffices when ``allowed`` is not negative.
    """
    if allowed < 0:
        return None
    low, high = 0, max(0, pool - allowed)
    while low < high:
        middle = (low + high) // 2
        if most_marked(pool, middle, 0, confidence) <= allowed:
            high = middle
        else:
            low = middle + 1
    return low


def _log_choose(n: int, k: int) -> float:
    return -inf if not 0 <= k <= n else lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
