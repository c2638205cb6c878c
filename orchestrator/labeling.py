"""A batch to label: on offer, answered by people or from the file names, and what came of it."""

from __future__ import annotations

import time
import webbrowser
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from orchestrator.clients.labeler import Answer
from orchestrator.clients.refs import Pick
from orchestrator.labels import LabelLog
from orchestrator.outputs.swipe import Standing
from orchestrator.queue_note import note_queue
from orchestrator.run import Run, Stopped

_LOOK_S = 0.3  # how often the queue is looked at while people label


class Offered(BaseModel):
    """A batch on offer: the log's position before it, and how many cards it has."""

    model_config = ConfigDict(frozen=True)
    position: int
    cards: int


class Labelled(BaseModel):
    """A round's labels: the log's position once it was done, and the answers of the round."""

    model_config = ConfigDict(frozen=True)
    position: int
    positive: int
    negative: int
    unsure: int


def label(run: Run, log: LabelLog, number: int, picks: Sequence[Pick], step: str) -> Labelled:
    """Offers cards and waits until they are answered, or the person finishes early; the loop's slowest step.

    Args:
        number: the round.
        picks: the cards, best first.
        step: prefix of the names in the journal.
    """

    def offer() -> Offered:
        position = log.newest().position
        run.clients.labeler.offer(run.id, number, picks)
        _mirror(run, log, picks)
        return Offered(position=position, cards=len(picks))

    offered = run.once(f"{step}/offer", Offered, offer)
    return run.once(f"{step}/label", Labelled, lambda: _wait(run, log, number, offered))


def _wait(run: Run, log: LabelLog, number: int, offered: Offered) -> Labelled:
    before = log.at(offered.position)
    with run.telling("label") as words:
        if run.settings.labeling.simulate:
            run.clients.labeler.simulate(run.id, number, run.settings.labeling.pos_class)
        else:
            _wait_for_people(run, number, offered.cards)
        _mirror(run, log, ())
        labels = log.newest()
        counts = {a: labels.count(a, number) - before.count(a, number) for a in Answer if a != Answer.RETRACTED}
        run.board.labels = len(labels.training()[0])
        run.board.positives = labels.count(Answer.POSITIVE)
        words.append(
            f"Labelled {sum(counts.values())} of {offered.cards} images: {counts[Answer.POSITIVE]} positive,"
            f" {counts[Answer.NEGATIVE]} negative, {counts[Answer.UNSURE]} unsure"
        )
    return Labelled(
        position=labels.position,
        positive=labels.count(Answer.POSITIVE, number),
        negative=labels.count(Answer.NEGATIVE, number),
        unsure=labels.count(Answer.UNSURE, number),
    )


def _mirror(run: Run, log: LabelLog, offered: Sequence[Pick]) -> None:
    """Shows in the original's folders what is on offer and what is labelled."""
    if run.swipe is not None:
        labels = log.newest()
        answers = {item: answer.value for item, answer in labels.answers.items()}
        run.swipe.update(Standing([pick.item for pick in offered], answers, labels.rounds))


def _invite(run: Run, number: int) -> None:
    """Tells where the page is; opens it the first time, where that is wanted."""
    page = run.board.page
    if page:
        run.reporter.invite(f"{run.clients.labeler.queue(run.id, number).open} images wait for you at {page}")
    if page and run.settings.labeling.open_browser and not run.invited:
        webbrowser.open(page)
    run.invited = True


def _wait_for_people(run: Run, number: int, offered: int) -> None:
    run.board.state = "labeling"
    _invite(run, number)
    with run.reporter.bar("Labeling", offered, "images") as bar:
        while (queue := run.clients.labeler.queue(run.id, number)).open:
            bar.update(max(0, offered - queue.open), f"{queue.positive} positive")
            note_queue(run.folder.path, number, queue)
            if run.stopping():
                raise Stopped
            time.sleep(_LOOK_S)
    run.board.state = "running"
