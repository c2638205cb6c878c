"""How far the search is, after each round: the three lights."""

from __future__ import annotations

from orchestrator.agreement import agreement_in_words
from orchestrator.clients.certainty import Assessed
from orchestrator.clients.refs import ArtifactRef
from orchestrator.early import bound
from orchestrator.labels import LabelLog
from orchestrator.model import Model
from orchestrator.run import Run


def assess(run: Run, log: LabelLog, model: Model, previous: ArtifactRef | None, step: str, position: int) -> None:
    """Works out the lights for the labels up to ``position``, and how many images are positive, and puts them on the board.

    Args:
        previous: scores of the head before.
        step: prefix of the name in the journal. A journal of an earlier version has no such step, and needs none.
    """
    name = f"{step}/assess"
    if run.replaying and name not in run.journal:
        return

    def work() -> Assessed:
        labels = log.at(position)
        audit = run.audit.by(labels) if run.audit else None
        threshold = run.settings.final_dataset.threshold
        return run.clients.certainty.assess(
            run.id, model.generation, model.scores, previous, labels.in_order(), labels.asked(), audit, threshold
        )

    run.board.assessed = run.once(name, Assessed, work)
    if words := agreement_in_words(log, position):
        run.once(f"{step}/agreement", dict[str, str], lambda: words)
    bound(run, log, step, position)
