"""The curated set of the measurement: the draw is counted, and people's labels win."""

from __future__ import annotations

import numpy as np

from benchmarks.curated import LABELS, Curated, labelled, line, plain, proved, separable
from benchmarks.labels.pools import Pool, synthetic


def _easy() -> Pool:
    rng = np.random.default_rng(0)
    truth = np.arange(2_000) < 200
    vectors = rng.normal(size=(2_000, 16)) + 8 * truth[:, None]
    return Pool("easy", vectors.astype(np.float32), truth)


def test_an_easy_class_is_separable_and_a_hidden_one_is_not() -> None:
    assert separable(_easy())
    assert not separable(synthetic(4, 2_000, 0.01, 0))


def test_the_draw_of_an_easy_class_shows_its_precision() -> None:
    pool = _easy()
    asked, scores = labelled(pool, 1)
    assert len(asked) == LABELS
    shown = proved(pool, asked, scores, 1)
    assert shown.shown
    assert 0 < shown.draws <= 60
    assert plain(pool, asked, scores).good


def test_what_people_said_wins_over_scores() -> None:
    pool = _easy()
    wrong = np.where(pool.truth, 0.0, 1.0).astype(np.float32)
    everything = np.arange(len(pool.truth))
    assert plain(pool, everything, wrong) == Curated(1.0, 1.0)
    assert not proved(pool, everything[:50], wrong, 1).shown


def test_a_review_after_the_proof_brings_what_the_proof_leaves_out() -> None:
    pool = synthetic(1, 20_000, 0.01, 0)
    asked, scores = labelled(pool, 1)
    alone, reviewed = (proved(pool, asked, scores, 1, review) for review in (False, True))
    assert alone.shown
    assert alone.recall < 0.95
    assert (alone.reviewed, reviewed.draws) == (0, alone.draws)
    assert reviewed.reviewed > 0
    assert reviewed.good


def test_without_a_proof_there_is_no_review() -> None:
    pool = _easy()
    wrong = np.where(pool.truth, 0.6, 0.999).astype(np.float32)
    failed = proved(pool, np.arange(50), wrong, 1, review=True)
    assert (failed.shown, failed.reviewed) == (False, 0)


def test_a_line_counts_sets_that_are_shown_but_not_good() -> None:
    ways = [[Curated(1.0, 1.0)] * 5, [Curated(0.9, 1.0, 20, True)] * 5, [Curated(1.0, 1.0, 20, True, 70)] * 5]
    text = line("a", ways, 10)
    assert text == (
        "| a | 1 of 10 | 1.000, 1.000, 100% | 0.900, 1.000, 0% | 1.000, 1.000, 100% | 20 | 70 | 90 | 100% | 5 |"
    )
