"""The strategies by name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from protos.errors import InvalidInputError
from services.sampler.strategies import Query
from services.sampler.strategies.balanced import uncertainty_balanced
from services.sampler.strategies.gaussian import gaussian
from services.sampler.strategies.positive import positive
from services.sampler.strategies.uncertainty import uncertainty
from services.sampler.strategies.uniform import uniform


@dataclass(frozen=True)
class Strategy:
    """A query strategy as people choose it.

    Attributes:
        name: what settings and reasons say.
        query: the function.
        description: one line.
        aliases: other spellings that are accepted.
        needs_scores: whether a head must have scored the pool first.
    """

    name: str
    query: Query
    description: str
    aliases: tuple[str, ...] = ()
    needs_scores: bool = True


STRATEGIES: tuple[Strategy, ...] = (
    Strategy("random", uniform, "every image is as likely as any other", needs_scores=False),
    Strategy("uncertainty", uncertainty, "the images whose score is closest to 0.5"),
    Strategy(
        "gaussian",
        gaussian,
        "drawn by lot, likelier the closer the score is to 0.5 (normal, deviation 0.2)",
        aliases=("guassian",),
    ),
    Strategy(
        "uncertainty_balanced",
        uncertainty_balanced,
        "the image closest to 0.5, then as many just below it as just above it",
    ),
    Strategy("positive", positive, "the images with the highest score"),
)

_BY_NAME = {name: strategy for strategy in STRATEGIES for name in (strategy.name, *strategy.aliases)}


def find_strategy(name: str) -> Strategy:
    """The strategy of a name or alias; upper case, hyphens and spaces around it do not matter.

    Raises:
        InvalidInputError: when there is none; the sentence names all of them and the closest one.
    """
    wanted = name.strip().lower().replace("-", "_")
    if wanted in _BY_NAME:
        return _BY_NAME[wanted]
    close = difflib.get_close_matches(wanted, _BY_NAME, n=1)
    hint = f"; did you mean {_BY_NAME[close[0]].name!r}?" if close else ""
    known = ", ".join(strategy.name for strategy in STRATEGIES)
    raise InvalidInputError(f"there is no sampling strategy {name[:100]!r}; choose one of {known}{hint}")
