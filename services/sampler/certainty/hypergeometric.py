"""Exact bounds for a finite pool: how many of its items can be marked, when so many of a uniform draw were.

A draw without replacement of m items from a pool of U, K of them marked, has a hypergeometric number of marked ones. Inverting
its tail gives a bound that holds with at least the stated confidence for every U, K and m (Clopper and Pearson, 1934, for the
binomial; Buonaccorsi, 1987, for the finite pool, where it is tighter). Nothing is approximated but the last digits of the sum.
"""

from __future__ import annotations

from math import exp, lgamma, log


def lower_tail(hits: int, pool: int, marked: int, drawn: int) -> float:
    """P(X <= hits), X marked items among ``drawn`` of a ``pool`` with ``marked`` of them; between 0 and 1."""
    least, most = max(0, drawn - (pool - marked)), min(marked, drawn)
    if hits < least:
        return 0.0
    if hits >= most:
        return 1.0
    if hits * pool > marked * drawn:  # above the mean the upper tail is the short one, and falls as x rises
        return max(0.0, 1.0 - _tail(hits + 1, most, 1, pool, marked, drawn))
    return _tail(hits, least, -1, pool, marked, drawn)


def _tail(start: int, end: int, step: int, pool: int, marked: int, drawn: int) -> float:
    """The sum of P(X = x) from ``start`` on, away from the mean, to ``end``."""
    share = total = 1.0  # of the term at x to that at start
    for x in range(start, end, step):
        if step < 0:
            share *= x * (pool - marked - drawn + x) / ((marked - x + 1) * (drawn - x + 1))
        else:
            share *= (marked - x) * (drawn - x) / ((x + 1) * (pool - marked - drawn + x + 1))
        total += share
        if share < 1e-18 * total:
            break
    return min(1.0, exp(_log_probability(start, pool, marked, drawn) + log(total)))


def _log_probability(x: int, pool: int, marked: int, drawn: int) -> float:
    return log_choose(marked, x) + log_choose(pool - marked, drawn - x) - log_choose(pool, drawn)


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


def log_choose(n: int, k: int) -> float:
    """The logarithm of the number of ways to choose ``k`` of ``n``."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
