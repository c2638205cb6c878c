"""Whole searches with audits, simulated: the bound must lie below the true recall in at least 95 % of them, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from services.sampler.certainty.audits import Audit, draw, recall_shown

POOL, POSITIVES, RUNS = 3000, 60, 600
Ends = Callable[["Search"], None]


class Search:
    """A search that has found the likely part of a class: the modes that it has not seen look like everything else."""

    def __init__(self, seed: int, recall: float, drawn: int) -> None:
        self.rng = np.random.default_rng([seed, round(recall * 1000), drawn])
        self.truth = np.zeros(POOL, np.bool_)
        self.truth[self.rng.choice(POOL, POSITIVES, replace=False)] = True
        positives = self.rng.permutation(np.flatnonzero(self.truth))
        seen, negatives = positives[: round(recall * POSITIVES)], np.flatnonzero(~self.truth)
        self.asked = np.zeros(POOL, np.bool_)
        self.asked[seen] = True
        self.asked[self.rng.choice(negatives, 200, replace=False)] = True
        self.said_yes = self.asked & self.truth
        self.drawn = drawn
        self.audit = Audit(1, 0, 0)

    def do_audit(self, doubtful: float = 0.0, part: float = 1.0) -> None:
        """Draws and answers; a positive is doubted with the chance ``doubtful``, and only a ``part`` is answered."""
        before, pool = self.asked.copy(), ~self.asked
        items = draw(pool, min(self.drawn, int(pool.sum())), self.rng)[: max(1, round(part * self.drawn))]
        unsure = self.rng.random(len(items)) < np.where(self.truth[items], doubtful, doubtful / 10)
        self.asked[items] = True
        self.said_yes[items] = self.truth[items] & ~unsure
        yes = int(self.said_yes[items].sum())
        self.audit = Audit(int(pool.sum()), len(items), yes, int((self.said_yes & before).sum()), int(unsure.sum()))

    def label_on(self, more: int) -> None:
        """Finds ``more`` of the positives that are left: the head points at them."""
        left = np.flatnonzero(self.truth & ~self.asked)
        some = self.rng.permutation(left)[:more]
        self.asked[some] = self.said_yes[some] = True

    def holds(self) -> bool:
        recall = self.said_yes.sum() / POSITIVES
        return recall_shown(self.audit, found_now=int(self.said_yes.sum())).at_least <= recall + 1e-12


def _covered(recall: float, drawn: int, happens: Ends) -> float:
    held = []
    for seed in range(RUNS):
        search = Search(seed, recall, drawn)
        happens(search)
        held.append(search.holds())
    return float(np.mean(held))


def _audit(search: Search) -> None:
    search.do_audit()


def _doubt(search: Search) -> None:
    search.do_audit(doubtful=0.3)


def _end_early(search: Search) -> None:
    search.do_audit(part=search.rng.random())


def _label_on(search: Search) -> None:
    search.do_audit()
    search.label_on(20)


def _audit_again(search: Search) -> None:
    """The second is a new draw: what came before it, and a first audit among it, makes its bound no worse."""
    search.do_audit()
    search.label_on(5)
    search.do_audit()


def _correct(search: Search) -> None:
    """Some of the positives found were called no before the audit, and are called yes after it."""
    wrong = np.flatnonzero(search.said_yes)[::5]
    search.said_yes[wrong] = False
    search.do_audit()
    search.said_yes[wrong] = True
    search.audit = replace(search.audit, found=search.audit.found + len(wrong))  # as `Audited.by` counts


@pytest.mark.parametrize("happens", [_audit, _doubt, _end_early, _label_on, _audit_again, _correct])
@pytest.mark.parametrize(("recall", "drawn"), [(0.5, 300), (0.85, 900), (0.97, 900)])
def test_the_bound_holds_in_95_of_100_searches(recall: float, drawn: int, happens: Ends) -> None:
    assert _covered(recall, drawn, happens) >= 0.95 - 2 * (0.05 * 0.95 / RUNS) ** 0.5


def test_what_is_in_doubt_would_not_hold_as_found() -> None:
    """Why doubtful answers count against, and not as positives: with a whole pool drawn, all would be found."""
    audit = Audit(pool=50, drawn=50, positive=0, found=1, doubtful=10)
    assert recall_shown(audit).at_least == pytest.approx(1 / 11)
    assert recall_shown(replace(audit, positive=10, doubtful=0)).at_least == 1.0


def test_an_audit_repeated_until_it_pleases_is_weaker_than_its_word() -> None:
    """Each bound holds; the last of many that were not liked need not. So the number of the draw is told with it."""
    lied = 0
    for seed in range(RUNS):
        search = Search(seed, 0.5, 300)
        for _ in range(4):
            search.do_audit()
            if recall_shown(search.audit, found_now=int(search.said_yes.sum())).at_least >= 0.52:
                break
        lied += not search.holds()
    assert 0.07 < lied / RUNS < 0.17
