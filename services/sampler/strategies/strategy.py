"""A query strategy as people choose it."""

from __future__ import annotations

from dataclasses import dataclass

from services.sampler.strategies.pool import Query

SCORES, VECTORS, LABELS, COMMITTEE = "scores", "vectors", "labels", "committee"
NEEDS = (SCORES, VECTORS, LABELS, COMMITTEE)


@dataclass(frozen=True)
class Parameter:
    """A number that a strategy may be told, its default, and the range that it is taken from."""

    name: str
    default: float
    description: str
    least: float = 0.0
    most: float = 1.0


@dataclass(frozen=True)
class Strategy:
    """A query strategy with a name.

    Attributes:
        name: what settings say.
        query: the function.
        description: one line.
        aliases: other spellings that are accepted.
        needs: of "scores", "vectors", "labels", "committee", what it cannot do without.
        parameters: the numbers that it may be told.
        paper: where it comes from.
        committee: the kind of committee that it wants: "bootstrap" or "dropout".
    """

    name: str
    query: Query
    description: str
    aliases: tuple[str, ...] = ()
    needs: tuple[str, ...] = (SCORES,)
    parameters: tuple[Parameter, ...] = ()
    paper: str = ""
    committee: str = ""

    @property
    def needs_scores(self) -> bool:
        """Whether a head must have scored the pool first."""
        return SCORES in self.needs
