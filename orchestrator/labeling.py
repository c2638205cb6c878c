"""A batch to label: on offer, answered by people or from the file names, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from orchestrator.clients.labeler import Answer
from orchestrator.clients.refs import Pick
from orchestrator.continuous import wait_for_answers
from orchestrator.inviting import invite
from orchestrator.labels import LabelLog, Labels
from orchestrator.outputs.swipe import Standing
from orchestrator.prevalence import DRAW, PREVALENCE
from orchestrator.queue_note import note_queue
from orchestrator.run import Run, Stopped
from protos import traces

SEED_ROUND = 0
_LOOK_S = 0.3  # how often the queue is looked at while people label
_TIDY_S = 5.0  # how often cards of the draw are taken back that somebody has let go


class Offered(BaseModel):
    """A batch on offer: the log's position before it, and how many cards it has."""

    model_config = ConfigDict(frozen=True)
    position: int
    cards: int


class Labelled(BaseModel):
    """A round's labels: the log's position once it was done, and the answers of the round.

    Attributes:
        wish: what somebody asked for while the labeling went on, as an answer to the question of the next round.
    """

    model_config = ConfigDict(frozen=True)
    position: int
    positive: int
    negative: int
    unsure: int
    wish: str = ""


def label(run: Run, log: LabelLog, number: int, picks: Sequence[Pick], step: str, since: int | None = None) -> Labelled:
    """Offers cards and waits until they are answered, or the person finishes early; the loop's slowest step.

    Args:
        number: the round.
        picks: the cards, best first.
        step: prefix of the names in the journal.
        since: position of the log that the newest head has learned. Given, the cards replace all that nobody holds, and the
            wait is over with the first few answers after it: the next head is due.
    """

    def offer() -> Offered:
        position = log.newest().position
        run.clients.labeler.offer(run.id, number, picks, replace=since is not None or replaces(run))
        _mirror(run, log, picks)
        return Offered(position=position, cards=len(picks))

    offered = run.once(f"{step}/offer", Offered, offer)
    return run.once(f"{step}/label", Labelled, lambda: _wait(run, log, number, offered, since))


def replaces(run: Run) -> bool:
    """Whether cards that nobody holds give way to those of a new offer: of rounds before, or of the draw while embedding."""
    return run.settings.labeling.continuous or DRAW in run.journal


def _wait(run: Run, log: LabelLog, number: int, offered: Offered, since: int | None) -> Labelled:
    before = log.at(offered.position)
    wish = ""
    with run.telling("label") as words:
        if run.settings.labeling.simulate:
            _simulate(run, number, since)
        else:
            with traces.apart():  # a look at the queue is no work, and there are thousands
                wish = _wait_for_people(run, log, number, offered.cards, since)
        _mirror(run, log, ())
        labels = log.newest()
        is_continuous = run.settings.labeling.continuous
        of = None if is_continuous else number  # cards of rounds before are on offer still, and are answered
        counts = {a: labels.count(a, of) - before.count(a, of) for a in Answer if a != Answer.RETRACTED}
        tally(run, labels)
        of_cards = "" if replaces(run) else f" of {offered.cards}"
        words.append(
            f"Labelled {sum(counts.values())}{of_cards} images: {counts[Answer.POSITIVE]} positive,"
            f" {counts[Answer.NEGATIVE]} negative, {counts[Answer.UNSURE]} unsure"
        )
    return Labelled(
        position=labels.position,
        positive=labels.count(Answer.POSITIVE, number),
        negative=labels.count(Answer.NEGATIVE, number),
        unsure=labels.count(Answer.UNSURE, number),
        wish=wish,
    )


def tally(run: Run, labels: Labels) -> None:
    """Shows on the board how many labels there are, whatever the round."""
    run.board.labels = len(labels.training()[0])
    run.board.positives = labels.count(Answer.POSITIVE)
    positive, negative, unsure = (
        labels.count(answer, SEED_ROUND) for answer in (Answer.POSITIVE, Answer.NEGATIVE, Answer.UNSURE)
    )
    run.board.seeds = (positive, negative, unsure)


def _simulate(run: Run, number: int, since: int | None) -> None:
    labeling = run.settings.labeling
    limit = 0 if since is None else labeling.retrain_after
    run.clients.labeler.simulate(run.id, number, labeling.pos_class, limit, labeling.simulate_error, run.seed("error"))


def _mirror(run: Run, log: LabelLog, offered: Sequence[Pick]) -> None:
    """Shows in the original's folders what is on offer and what is labelled."""
    if run.swipe is not None:
        labels = log.newest()
        answers = {item: answer.value for item, answer in labels.answers.items()}
        run.swipe.update(Standing([pick.item for pick in offered], answers, labels.rounds))


def _wait_for_people(run: Run, log: LabelLog, number: int, offered: int, since: int | None) -> str:
    """Waits until all is answered or, in continuous mode, the next head is due; what somebody wished for meanwhile."""
    if since is not None:
        return wait_for_answers(run, number, since, lambda: tally(run, log.newest()))
    run.board.state = "labeling"
    invite(run, run.clients.labeler.queue(run.id, number).open)
    tidied = time.monotonic()
    with run.reporter.bar("Labeling", offered, "images") as bar:
        while (queue := run.clients.labeler.queue(run.id, number)).open:
            if number == SEED_ROUND and DRAW in run.journal and time.monotonic() - tidied >= _TIDY_S:
                run.clients.labeler.withdraw(run.id, number, PREVALENCE)
                tidied = time.monotonic()
            bar.update(max(0, offered - queue.open), f"{queue.positive} positive")
            note_queue(run.folder.path, number, queue)
            tally(run, log.newest())
            if run.stopping():
                raise Stopped
            time.sleep(_LOOK_S)
    run.board.state = "running"
    return ""
