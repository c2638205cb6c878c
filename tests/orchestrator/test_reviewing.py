"""What lies between the proved line and the one without a proof."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.reviewing import to_review
from services.sampler.certainty.audits import Audit, draw, precision_shown

SCORES = np.array([0.99, 0.6, 0.5, np.nan, 0.7, 0.97, 0.49, 0.8, 0.9], dtype=np.float32)
EVERY = np.ones(len(SCORES), np.bool_)
NOBODY = np.empty(0, np.uint64)


def _items(asked: np.ndarray = NOBODY, present: np.ndarray = EVERY, lowest: float = 0.5) -> list[int]:  # type: ignore[type-arg]
    return [pick.item for pick in to_review(SCORES, present, asked, lowest, 0.97)]


def test_the_likeliest_first_from_the_lower_line_to_below_the_proved_one() -> None:
    assert _items() == [8, 7, 4, 1, 2]
    assert [pick.reason for pick in to_review(SCORES, EVERY, NOBODY, 0.5, 0.97)] == ["review"] * 5


def test_what_is_answered_or_has_no_embedding_is_left_out_and_items_to_come_do_no_harm() -> None:
    assert _items(asked=np.array([7, 2, 999], np.uint64)) == [8, 4, 1]
    assert _items(present=np.arange(len(SCORES)) != 8) == [7, 4, 1, 2]


def test_a_lower_line_above_the_proved_one_leaves_nothing() -> None:
    assert _items(lowest=0.98) == []
    assert to_review(SCORES[:0], EVERY[:0], NOBODY, 0.5, 0.97) == []


@pytest.mark.parametrize("right", [0.9, 0.94, 0.96, 0.99])
def test_the_proof_covers_the_whole_set_with_a_review(right: float) -> None:
    """2,000 simulated proofs: of draw and review, the precision of the set is below the bound in at most one of twenty."""
    rng = np.random.default_rng(round(right * 100))
    broken = 0
    for _ in range(2_000):
        scores = rng.random(400).astype(np.float32)
        truth = np.where(scores >= 0.5, rng.random(400) < right, rng.random(400) < 0.5)
        drawn = draw(scores >= 0.5, 59, rng)
        bound = precision_shown(Audit(int((scores >= 0.5).sum()), 59, int(truth[drawn].sum()))).at_least
        chosen = scores >= 0.5
        said = [pick.item for pick in to_review(scores, np.ones(400, np.bool_), drawn.astype(np.uint64), 0.2, 0.5)]
        for items in (drawn, np.array(said)):
            chosen[items] = truth[items]
        broken += bool(truth[chosen].mean() < bound - 1e-12)
    assert broken <= 100
