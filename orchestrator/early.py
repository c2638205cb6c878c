"""Labeling while the images are embedded: cards drawn by lot, and how many images are positive by the answers to them.

The draw is of all rows of the catalog, before anything is known of them, in an order by lot. What people answer of it bounds the
share of positives, however far they come (``services/sampler/certainty/prevalence.py``), and its labels are labels like others.
"""

from __future__ import annotations

import numpy as np

from orchestrator.clients.certainty import Drawn
from orchestrator.clients.labeler import Answer
from orchestrator.clients.refs import Pick
from orchestrator.inviting import invite
from orchestrator.labeling import SEED_ROUND, tally
from orchestrator.labels import LabelLog, Labels
from orchestrator.model import Catalogued
from orchestrator.prevalence import DRAW, PREVALENCE, Prevalence
from orchestrator.run import Run

_DRAWN = 1000  # images: what one person answers in an hour or so
_WORTH = 20_000  # images from which on embedding takes minutes where there is no GPU, and a draw is worth answering
_BYTE = {Answer.POSITIVE: 1, Answer.NEGATIVE: 2}  # of a request; who cannot tell says nothing


def draw_early(run: Run, catalogued: Catalogued) -> None:
    """Draws images that people may label while the others are embedded, where that is worth it."""
    if DRAW not in run.journal and not _is_worth_it(run, catalogued.images):
        return
    rows, seed = catalogued.images, run.seed("early")
    count = min(_DRAWN, rows)
    drawn = run.once(DRAW, Drawn, lambda: run.clients.certainty.draw_rows(run.id, count, seed, rows))
    run.drawn = tuple(drawn.items)


def _is_worth_it(run: Run, images: int) -> bool:
    wish = run.settings.labeling.while_embedding
    if run.replaying or "embed" in run.journal or not run.board.page:
        return False
    return wish == "on" or (wish == "auto" and images >= _WORTH)


def offer_early(run: Run, log: LabelLog) -> None:
    """Puts the draw on offer while the images are embedded; what a killed run had on offer is there, and comes no second time."""
    is_off = run.settings.labeling.while_embedding == "off"  # since the run goes on
    if not run.drawn or is_off or run.replaying or "embed" in run.journal:
        return
    known = log.newest().answers  # of a seed folder, or of people before the run was killed
    picks = [Pick(item=item, reason=PREVALENCE, score=float("nan")) for item in run.drawn if item not in known]
    run.clients.labeler.offer(run.id, SEED_ROUND, picks)
    waiting = run.clients.labeler.queue(run.id, SEED_ROUND).open
    if waiting:
        run.reporter.invite("While the images are embedded, some that are drawn by lot may be labelled already:")
        invite(run, waiting)


def count_early(run: Run, log: LabelLog) -> None:
    """Shows on the board what people have said so far."""
    if run.drawn and not run.replaying:
        tally(run, log.newest())


def end_early(run: Run) -> None:
    """Takes back what is left of the draw; what is in somebody's hands stays there."""
    if DRAW in run.journal:
        run.once("early/over", int, lambda: run.clients.labeler.offer(run.id, SEED_ROUND, [], replace=True))


def bound(run: Run, log: LabelLog, step: str, position: int | None = None) -> None:
    """Works out how many images are positive by the labels up to ``position`` (None: all), and puts it on the board.

    Args:
        step: prefix of the name in the journal.
    """
    name = f"{step}/prevalence"
    if not run.drawn or (run.replaying and name not in run.journal):
        return

    def work() -> Prevalence:
        found = _bounds(run, log.newest() if position is None else log.at(position))
        if found.drawn and not run.board.prevalence:
            run.reporter.say(found.sentence)
        return found

    run.board.prevalence = run.once(name, Prevalence, work)


def _bounds(run: Run, labels: Labels) -> Prevalence:
    """Images that cannot be read drop out, of the draw and of all: the rest of the draw is a draw of the rest."""
    assert run.results is not None
    present = run.results.present
    said = bytes(_BYTE.get(labels.answers.get(item, Answer.UNSURE), 0) for item in run.drawn if present[item])
    items, positive = labels.training()
    known = positive[present[items.astype(np.int64)]]
    images, yes = int(present.sum()), int(known.sum())
    bounds = run.clients.certainty.prevalence(run.id, images, said, yes, len(known) - yes)
    audited = run.audit is not None and len(run.audit.items) >= bounds.drawn
    return Prevalence(
        at_least=bounds.at_least,
        at_most=bounds.at_most,
        images=images,
        drawn=bounds.drawn,
        sentence=bounds.sentence,
        audited=audited,
    )
