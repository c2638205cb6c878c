"""``python -m benchmarks.curated``: the curated set after 100 labels, and what it costs to prove its precision.

Only pools on which a head with all labels reaches a precision and a recall of 0.97 out of fold: elsewhere no number of labels
gives a good set. Once with the plain threshold of 0.5, and once with a proof, as the loop does it: the threshold is chosen from
the calibrated probabilities so that draw and review take the fewest swipes, a uniform draw from what it accepts is labelled (its
swipes are counted apart from the 100), and the exact bound, in which people's own positives count, says whether the precision is
shown. And once more with all that lies between the proved threshold and 0.5 reviewed by people, as the loop offers it after a
proof; these swipes are counted apart as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.labels.arms import LOGISTIC, Items, Scores, Task, sampled, trained
from benchmarks.labels.arms import score as scores_of
from benchmarks.labels.course import BATCH, seed_set
from benchmarks.labels.pools import Pool, all_pools
from orchestrator.reviewing import to_review
from services.sampler.certainty.audits import Audit, draw, precision_shown
from services.sampler.certainty.threshold import cheapest_line
from services.trainer.logistic_training import fit_logistic

LABELS, WANTED, SEPARABLE, SEEDS, PLAIN = 100, 0.95, 0.97, 5, 0.5


@dataclass(frozen=True)
class Curated:
    """A curated set: its precision and recall, the swipes of the proof and of the review, and whether the proof holds.

    ``draws`` is 0 where nothing was sure enough to be accepted, and then the set is what people said yes to.
    """

    precision: float
    recall: float
    draws: int = 0
    shown: bool = False
    reviewed: int = 0

    @property
    def good(self) -> bool:
        """Whether both are at least what is wanted."""
        return self.precision >= WANTED and self.recall >= WANTED


def separable(pool: Pool) -> bool:
    """Whether a head with all labels reaches 0.97 in both, out of fold."""
    items = np.arange(len(pool.truth), dtype=np.uint64)
    fitted = fit_logistic(np.ascontiguousarray(pool.vectors), (items, pool.truth), LOGISTIC.c)
    assert fitted.out_of_fold is not None
    set_of = _measure(pool, fitted.out_of_fold >= 0.5, np.empty(0, np.int64))
    return set_of.precision >= SEPARABLE and set_of.recall >= SEPARABLE


def labelled(pool: Pool, seed: int) -> tuple[Items, Scores]:
    """The items of 100 labels of the arm "ours", and the probabilities of a head trained on them."""
    task = Task(pool, seed)
    task.labelled = seed_set(pool, seed)
    number = 0
    while len(task.labelled) < LABELS:
        number += 1
        task.labelled += sampled("hybrid", LOGISTIC, task, number, BATCH)[0].tolist()
    return np.array(task.labelled), scores_of(task, trained(task, LOGISTIC))


def plain(pool: Pool, asked: Items, scores: Scores) -> Curated:
    """Labels, and else a probability of 0.5."""
    return _measure(pool, scores >= PLAIN, asked)


def proved(pool: Pool, asked: Items, scores: Scores, seed: int, review: bool = False) -> Curated:
    """Labels, those of the draw and of the review among them, and else the threshold chosen for the wanted precision.

    There is a review only after a proof that holds, as in a run.
    """
    unlabelled = np.ones(len(pool.truth), dtype=np.bool_)
    unlabelled[asked] = False
    found = int(pool.truth[asked].sum())
    line = cheapest_line(scores, unlabelled, WANTED, found, PLAIN)
    if line is None:
        return _measure(pool, np.zeros_like(unlabelled), asked)
    accepted = scores >= line.threshold
    drawn = draw(accepted & unlabelled, line.draws, np.random.default_rng([seed, 7]))
    audit = Audit(line.accepted, len(drawn), int(pool.truth[drawn].sum()), found)
    shown = precision_shown(audit).at_least >= WANTED
    known = np.concatenate([asked, drawn])
    cards = to_review(scores, np.ones_like(unlabelled), known.astype(np.uint64), PLAIN, line.threshold)
    items = np.array([card.item for card in cards if review and shown], dtype=np.int64)
    measured = _measure(pool, accepted, np.concatenate([known, items]))
    return Curated(measured.precision, measured.recall, len(drawn), shown, len(items))


def _measure(pool: Pool, accepted: NDArray[np.bool_], asked: Items) -> Curated:
    accepted = accepted.copy()
    accepted[asked] = pool.truth[asked]
    right = int((accepted & pool.truth).sum())
    return Curated(right / max(1, int(accepted.sum())), right / int(pool.truth.sum()))


def line(name: str, ways: list[list[Curated]], of: int) -> str:
    """A line of the table: ``ways`` are the plain sets, the proved ones and the reviewed ones of the same runs."""
    cells = [name, f"{len(ways[0]) // SEEDS} of {of}"]
    for way in ways:
        precision, recall = (np.mean([getattr(run, what) for run in way]) for what in ("precision", "recall"))
        cells.append(f"{precision:.3f}, {recall:.3f}, {np.mean([run.good for run in way]):.0%}")
    tried = [run for run in ways[1] if run.draws]
    false = [run for run in tried if run.shown and run.precision < WANTED]
    draws = f"{np.median([run.draws for run in tried]):.0f}" if tried else "-"
    swipes = f"{np.median([run.draws + run.reviewed for run in ways[2]]):.0f}"
    shown = f"{np.mean([run.shown for run in ways[1]]):.0%}"
    reviewed = f"{np.median([run.reviewed for run in ways[2]]):.0f}"
    return f"| {' | '.join([*cells, draws, reviewed, swipes, shown, str(len(false))])} |"


def tables() -> Iterator[str]:
    """Markdown, a line as soon as it is known."""
    yield (
        "| data | classes | plain: precision, recall, both | proved: the same | and reviewed | swipes of the draw"
        " | of the review | of both | shown | wrongly |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    for name, pools in all_pools(None):
        good = [pool for pool in pools if separable(pool)]
        if not good:
            yield f"| {name} | 0 of {len(pools)} | - | - | - | - | - | - | - | - |"
            continue
        ways: list[list[Curated]] = [[], [], []]
        for number, pool in enumerate(good):
            for seed in range(SEEDS):
                asked, scores = labelled(pool, 1000 * number + seed)
                ways[0].append(plain(pool, asked, scores))
                for way, review in ((1, False), (2, True)):
                    ways[way].append(proved(pool, asked, scores, 1000 * number + seed, review))
        yield line(name, ways, len(pools))


def main() -> None:
    """Prints the table."""
    torch.set_num_threads(1)
    for text in tables():
        print(text, flush=True)


if __name__ == "__main__":
    main()
