"""What the dashboard draws: the pool's probabilities, what was sampled of them, the heads, and the step at work."""

from __future__ import annotations

import math
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.refs import Pick, Trained, ValidationRef
from orchestrator.control.manager import ManagedRun
from orchestrator.control.values import scores_of
from orchestrator.figures import prevalence
from orchestrator.run import Run
from protos import control_pb2
from protos.common_pb2 import Artifact

BINS = 50
_NAN = float("nan")


def dashboard_of(managed: ManagedRun) -> control_pb2.Dashboard:
    """Everything of it; what is not known yet is empty or not-a-number."""
    work = managed.work
    low, high, drawn = _prevalence(managed)
    made = control_pb2.Dashboard(
        run=managed.folder.run,
        prevalence_at_least=low,
        prevalence_at_most=high,
        prevalence_drawn=drawn,
        per_second=_NAN,
        continuous=managed.settings.labeling.continuous,
        threshold=work.threshold if work is not None else managed.settings.final_dataset.threshold,
    )
    pace = managed.events.pace()
    if pace is not None:
        made.step, made.done, made.total, made.per_second = pace.step, pace.done, pace.total, pace.per_second
        made.workers.extend(
            control_pb2.WorkerRate(name=one.name, device=one.device, per_second=one.per_second) for one in pace.workers
        )
    if work is not None and work.results is not None:
        records = list(work.results.records)
        made.heads.extend(_quality(record.number, record.validation, record.train_seconds) for record in records)
        made.heads.extend(_newest_head(work, managed.board.round, {record.number for record in records}))
        made.pool.extend(_pool(managed, work))
        _add_sampled(made, work, managed.board.round)
    return made


def in_bins(scores: NDArray[np.float32]) -> list[int]:
    """How many of the scores [n], 0 to 1, lie in each of 50 bins; those that are not-a-number lie in none."""
    known = scores[~np.isnan(scores)]
    places = np.minimum((known * BINS).astype(np.int64), BINS - 1)
    return [int(count) for count in np.bincount(places, minlength=BINS)]


def _pool(managed: ManagedRun, work: Run) -> list[int]:
    """The pool by probability; empty before there is a head."""
    model, results = work.latest, work.results
    if model is None or model.scores is None or results is None:
        return []
    scores = np.array(scores_of(work, model.scores.to(Artifact)))
    scores[~results.present] = np.nan
    scores[managed.newest_labels(work).asked().astype(np.int64)] = np.nan
    return in_bins(scores)


def _add_sampled(made: control_pb2.Dashboard, work: Run, newest: int) -> None:
    """What the newest round asked for that has chosen already, where a head scored it."""
    for number in (newest, newest - 1):
        step = f"round-{number}/select"
        if step in work.journal:
            picks = work.journal.once(step, list[Pick], _never)
            counts = in_bins(np.array([pick.score for pick in picks], dtype=np.float32))
            if sum(counts):
                made.sampled_round = number
                made.sampled.extend(counts)
            return


def _prevalence(managed: ManagedRun) -> tuple[float, float, int]:
    """The share of positives, and by how many images of the draw while embedding.

    By an audit (0) it is at least what was found, and at most what the bound leaves room for.
    """
    board = managed.board
    if board.prevalence is not None and board.prevalence.counts:
        return *board.prevalence.shares(board.positives), board.prevalence.drawn
    audited = board.assessed.audited_at_least if board.assessed is not None else 0.0
    return *prevalence(board.positives, board.images - board.quarantined, audited), 0


def _newest_head(work: Run, number: int, known: set[int]) -> list[control_pb2.HeadQuality]:
    """The head of the round at work, which is trained before its images are labelled."""
    for how in ("train", "fine-tune"):
        step = f"round-{number}/{how}"
        if number not in known and step in work.journal:
            trained = work.journal.once(step, Trained, _never)
            return [_quality(number, trained.validation, trained.seconds)]
    return []


def _quality(number: int, held_out: ValidationRef | None, seconds: float) -> control_pb2.HeadQuality:
    return control_pb2.HeadQuality(
        round=number,
        f1=held_out.f1 if held_out else math.nan,
        precision=held_out.precision if held_out else math.nan,
        recall=held_out.recall if held_out else math.nan,
        accuracy=held_out.accuracy if held_out else math.nan,
        seconds=seconds,
    )


def _never() -> NoReturn:
    raise AssertionError("the journal has it")
