"""An audit of recall whose draw was answered, and what it says as answers change."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.clients.certainty import AuditRef
from orchestrator.clients.labeler import Answer
from orchestrator.labels import Labels


@dataclass(frozen=True)
class Audited:
    """A draw from all that had no answer.

    Attributes:
        pool: items that it was drawn from.
        items: the drawn ones that were answered, in the order of the draw.
        before: items that had an answer already.
    """

    pool: int
    items: tuple[int, ...]
    before: frozenset[int]

    def by(self, labels: Labels) -> AuditRef:
        """The audit by the answers of ``labels``: people change their minds, and second opinions change what votes come to.

        A drawn item without a clear yes or no is in doubt. One that was answered before the draw is in the count of what was
        found only while its answer is yes: a no that becomes a yes is a positive more that there is, and not one that was missed.
        """
        said = [labels.answers.get(item) for item in self.items]
        positive = said.count(Answer.POSITIVE)
        return AuditRef(
            pool=self.pool,
            drawn=len(said),
            positive=positive,
            found=sum(labels.answers.get(item) == Answer.POSITIVE for item in self.before),
            doubtful=len(said) - positive - said.count(Answer.NEGATIVE),
        )
