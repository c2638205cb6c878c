"""Continuous mode: people label without a pause, and the head learns behind them.

A round of it begins with the first few new answers instead of an empty table: the head is trained on all labels so far, the
pool is scored, and the cards that nobody holds are replaced by better ones. Nobody waits for any of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from orchestrator.fixed_encoders import not_offered
from orchestrator.inviting import invite
from orchestrator.questions import AUDIT, FINE_TUNE, FINISH, PROVE, TRAIN, Question, Standing, without
from orchestrator.queue_note import note_queue
from orchestrator.run import Run, Stopped

_TUNE = " fine-tune encoder and head [f],"
_LOOK_S = 0.05  # how often the queue is looked at: part of the time from an answer to the new ranking
_COUNT_S = 1.0  # how often the labels are counted: it takes all of the log


def standing_question(run: Run) -> Question:
    """What may be wished while labeling goes on."""
    every = run.settings.labeling.retrain_after
    text = f"The head learns after every {every} answers. At any time: finish [q],{_TUNE} audit recall [a], prove precision [p]"
    question = Question("wish", text, (FINISH, FINE_TUNE, AUDIT, PROVE), optional=True)
    why = not_offered(run.settings, run.latest.encoder) if run.latest is not None else ""
    return without(question, FINE_TUNE, _TUNE, why) if why else question


def choose(run: Run, question: Question, standing: Standing, wish: str) -> str:
    """What the next round begins with: a wish, or else training; the settings decide where nobody is asked anything."""
    if run.settings.auto.enabled and not wish:
        return run.ask(question, standing)
    return run.once(question.id, str, lambda: wish or TRAIN)


def wait_for_answers(run: Run, number: int, since: int, count: Callable[[], None]) -> str:
    """Waits until the next head is due: enough answers after position ``since`` of the log, or nothing left on offer.

    Args:
        count: shows on the board how many labels there are. The queue of all rounds cannot tell: it counts cards, and an image
            that several people were asked about, or somebody once more, has several.

    Returns:
        what somebody wished for meanwhile, or "".
    """
    question = standing_question(run)
    enough = since + run.settings.labeling.retrain_after
    run.board.state, run.board.question = "labeling", question
    queue = run.clients.labeler.queue(run.id, number, all_rounds=True)
    if not run.invited:
        invite(run, queue.open)
    seen, counted = queue.last, time.monotonic()
    try:
        while queue.open and queue.last < enough:
            if (wish := run.asker.wish(question)) is not None:
                return wish
            if run.stopping():
                raise Stopped
            time.sleep(_LOOK_S)
            before, queue = queue, run.clients.labeler.queue(run.id, number, all_rounds=True)
            if queue.last != before.last:
                note_queue(run.folder.path, number, run.clients.labeler.queue(run.id, number))
            if queue.last != seen and time.monotonic() - counted >= _COUNT_S:
                count()
                seen, counted = queue.last, time.monotonic()
        return ""
    finally:
        run.board.state, run.board.question = "running", None
