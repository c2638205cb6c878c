"""How many of all images are positive: bounds by a draw that people answer as far as they come, whenever they stop.

Nobody decides beforehand how many images of the draw will be answered: people stop when they like, perhaps because of what they
have seen. A bound for a fixed number of draws need not hold then. These hold for all beginnings of the draw at once, by the
confidence sequence of Waudby-Smith and Ramdas (Confidence sequences for sampling without replacement, NeurIPS 2020, arXiv
2006.04347): with a prior on the number of positives, the ratio of what the prior says of the answers so far to what K positives
say of them is a martingale where K is right, so that it ever reaches 20 in at most one of 20 draws (Ville's inequality). So the
beginning of the draw may be chosen after the answers are known, and is the one that says most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import lgamma, log

from protos.errors import InvalidInputError
from services.sampler.certainty.audits import CONFIDENCE, check_share
from services.sampler.certainty.hypergeometric import log_choose

UNKNOWN, YES, NO = 0, 1, 2  # what people say to an image of a draw; who cannot tell says nothing
_PRIOR = 0.5  # both parameters of the beta-binomial prior; any prior gives bounds that hold, this one close ones
_ROUNDING = 1e-5  # of the logarithms of a hundred million images, so that no bound is closer than it may be


@dataclass(frozen=True)
class Prevalence:
    """Bounds of the positives in a pool, and the beginning of the draw that they come from.

    Attributes:
        at_least, at_most: positives in the pool.
        drawn: images in that beginning.
        positive, unknown: of these, with a yes, and with neither yes nor no.
    """

    at_least: int
    at_most: int
    drawn: int
    positive: int
    unknown: int


def bound_prevalence(
    pool: int, said: Sequence[int], positives: int = 0, negatives: int = 0, confidence: float = CONFIDENCE
) -> Prevalence:
    """Bounds of the positives in a pool by a draw from it.

    Images without a yes or a no count as no for the lower bound and as yes for the upper one, whatever the reason, so it does not
    matter which of them people left out. Answers may come later, in any way: what counts is the image's place in the draw.

    Args:
        pool: images that it was drawn from.
        said: ``YES``, ``NO`` or ``UNKNOWN`` for each image of the draw, in the order of a draw without replacement.
        positives, negatives: known in the whole pool, in whatever way they were found.
        confidence: the bounds hold, both of them and whenever they are looked at, in at least so many of all draws.

    Raises:
        InvalidInputError: for another answer, a draw larger than its pool, or more labels than there are images.
    """
    check_share(confidence, "confidence")
    _check(pool, said, positives, negatives)
    limit = -log(1 - confidence) + _ROUNDING
    known = positives, pool - negatives
    found = [_of_beginning(pool, drawn, yes, unknown, known, limit) for drawn, yes, unknown in _beginnings(said)]
    return min(found, key=lambda one: one.at_most - one.at_least)


def _beginnings(said: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Nothing, and each beginning that ends before a gap or with the draw: images in it, those with a yes, unknown ones."""
    yield 0, 0, 0
    yes = unknown = 0
    for drawn, answer in enumerate(said, 1):
        yes, unknown = yes + (answer == YES), unknown + (answer == UNKNOWN)
        if answer != UNKNOWN and (drawn == len(said) or said[drawn] == UNKNOWN):
            yield drawn, yes, unknown


def _of_beginning(pool: int, drawn: int, yes: int, unknown: int, known: tuple[int, int], limit: float) -> Prevalence:
    low = min(max(marked_range(pool, drawn, yes, limit)[0], known[0]), known[1])
    high = max(min(marked_range(pool, drawn, yes + unknown, limit)[1], known[1]), low)
    return Prevalence(low, high, drawn, yes, unknown)


def marked_range(pool: int, drawn: int, hits: int, limit: float) -> tuple[int, int]:
    """The numbers of marked items in a pool for which the martingale is below ``limit``, its logarithm, after these draws.

    They are an interval: the likelihood rises up to its mode and falls from there, and at the mode the ratio is at most 1.
    """
    least, most = hits, pool - (drawn - hits)
    if not drawn:
        return least, most
    mode = min(max(hits * (pool + 1) // drawn, least), most)
    prior = _log_beta(_PRIOR + hits, _PRIOR + drawn - hits) - _log_beta(_PRIOR, _PRIOR)

    def fits(marked: int) -> bool:
        return prior - log_choose(pool - drawn, marked - hits) + log_choose(pool, marked) < limit

    return _edge(mode, least, fits), _edge(mode, most, fits)


def _edge(inside: int, end: int, fits: Callable[[int], bool]) -> int:
    """The last number from ``inside`` towards ``end`` that fits; all do up to it, and none beyond."""
    if fits(end):
        return end
    while abs(end - inside) > 1:
        middle = (inside + end) // 2
        inside, end = (middle, end) if fits(middle) else (inside, middle)
    return inside


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _check(pool: int, said: Sequence[int], positives: int, negatives: int) -> None:
    if not set(said) <= {UNKNOWN, YES, NO}:
        raise InvalidInputError(f"{max(said)} is no answer; say {UNKNOWN} for none, {YES} for yes, {NO} for no")
    if len(said) > pool:
        raise InvalidInputError(f"a draw of {len(said)} images cannot come from {pool}; draw from all that there are")
    if positives < list(said).count(YES) or negatives < list(said).count(NO) or positives + negatives > pool:
        raise InvalidInputError(
            f"{positives} positives and {negatives} negatives are not what is known of {pool} images with these answers;"
            " count the draw among them"
        )
