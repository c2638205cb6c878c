"""The strategies by name: ours, and those that users have added."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from protos.errors import InvalidInputError
from services.sampler.strategies import by_scores
from services.sampler.strategies.badge import badge
from services.sampler.strategies.balanced import uncertainty_balanced
from services.sampler.strategies.bald import bald
from services.sampler.strategies.coreset import coreset
from services.sampler.strategies.dropquery import dropquery
from services.sampler.strategies.galaxy import galaxy
from services.sampler.strategies.gaussian import gaussian
from services.sampler.strategies.hybrid import hybrid
from services.sampler.strategies.maxherding import maxherding
from services.sampler.strategies.positive import positive
from services.sampler.strategies.strategy import COMMITTEE, LABELS, SCORES, VECTORS, Parameter, Strategy
from services.sampler.strategies.typiclust import typiclust
from services.sampler.strategies.uncertainty import uncertainty
from services.sampler.strategies.uniform import uniform

STRATEGIES: tuple[Strategy, ...] = (
    Strategy(
        "hybrid",
        hybrid,
        "part likely positives, part around the threshold, part from clusters that nobody has looked into",
        needs=(VECTORS,),
        parameters=(
            Parameter("boundary", 0.3, "share nearest to the threshold"),
            Parameter("explore", 0.4, "share from clusters never visited, where few likely images are left"),
            Parameter("likeness", 1.0, "weight of the likeness to known positives beside the logit", most=10.0),
        ),
        paper="Agile Modeling, arXiv 2302.12948; TypiClust, arXiv 2202.02794",
    ),
    Strategy("positive", by_scores(positive, "positive"), "the images with the highest score"),
    Strategy(
        "uncertainty",
        uncertainty,
        "the images whose score is closest to the threshold",
        aliases=("margin", "entropy", "least_confidence"),
        paper="Lewis and Gale, SIGIR 1994",
    ),
    Strategy(
        "gaussian",
        by_scores(gaussian, "gaussian"),
        "drawn by lot, likelier the closer the score is to 0.5 (normal, deviation 0.2)",
        aliases=("guassian",),
    ),
    Strategy("random", by_scores(uniform, "random"), "every image is as likely as any other", needs=()),
    Strategy(
        "uncertainty_balanced",
        by_scores(uncertainty_balanced, "uncertainty_balanced"),
        "the image closest to 0.5, then as many just below it as just above it",
    ),
    Strategy(
        "galaxy",
        galaxy,
        "between a yes and a no that are neighbours in the order of scores",
        needs=(SCORES, LABELS),
        paper="Zhang, Katz-Samuels and Nowak 2022, arXiv 2202.01402",
    ),
    Strategy(
        "bald",
        bald,
        "what the heads of a committee disagree about",
        aliases=("committee",),
        needs=(SCORES, COMMITTEE),
        parameters=(Parameter("thompson", 0, "1: the likeliest positives of members drawn by lot"),),
        paper="Houlsby et al. 2011, arXiv 1112.5745",
        committee="bootstrap",
    ),
    Strategy(
        "badge",
        badge,
        "a spread of images that would change the head much",
        needs=(SCORES, VECTORS),
        paper="Ash et al. 2020, arXiv 1906.03671",
    ),
    Strategy(
        "typiclust",
        typiclust,
        "typical images of clusters that nobody has looked into",
        needs=(VECTORS,),
        paper="Hacohen, Dekel and Weinshall 2022, arXiv 2202.02794",
    ),
    Strategy(
        "maxherding",
        maxherding,
        "images that represent as many others as possible",
        aliases=("uherding",),
        needs=(VECTORS,),
        parameters=(
            Parameter("lengthscale", 0.5, "how far an image represents others; directions are 0 to 2 apart", 0.01, 10),
            Parameter("uncertainty", 0, "1: images of uncertain score count more"),
        ),
        paper="Bae et al. 2024, arXiv 2407.12212",
    ),
    Strategy(
        "coreset",
        coreset,
        "images far from all labelled ones",
        needs=(VECTORS,),
        paper="Sener and Savarese 2018, arXiv 1708.00489",
    ),
    Strategy(
        "dropquery",
        dropquery,
        "images whose answer changes when the head sees only parts of them",
        needs=(SCORES, VECTORS, COMMITTEE),
        paper="Gupte et al. 2024, arXiv 2401.14555",
        committee="dropout",
    ),
)
_OF_ALIAS = {"uherding": {"uncertainty": 1.0}}  # what an alias sets beyond the name


class Registry:
    """Strategies by name and alias.

    Args:
        added: strategies of users; one that takes a name of another is refused.
    """

    def __init__(self, added: Iterable[Strategy] = ()) -> None:
        self.strategies = STRATEGIES
        self.added: tuple[Strategy, ...] = ()
        self._by_name = {name: strategy for strategy in STRATEGIES for name in (strategy.name, *strategy.aliases)}
        for strategy in added:
            self._add(strategy)

    def _add(self, strategy: Strategy) -> None:
        for name in (strategy.name, *strategy.aliases):
            if name in self._by_name:
                raise InvalidInputError(f"there is a strategy {name!r} already; give yours another name")
            self._by_name[name] = strategy
        self.strategies = (*self.strategies, strategy)
        self.added = (*self.added, strategy)

    def find(self, name: str) -> Strategy:
        """The strategy of a name or alias; upper case, hyphens and spaces around it do not matter.

        Raises:
            InvalidInputError: when there is none; the sentence names all of them and the closest one.
        """
        wanted = plain(name)
        if wanted in self._by_name:
            return self._by_name[wanted]
        close = difflib.get_close_matches(wanted, self._by_name, n=1)
        hint = f"; did you mean {self._by_name[close[0]].name!r}?" if close else ""
        known = ", ".join(strategy.name for strategy in self.strategies)
        raise InvalidInputError(f"there is no sampling strategy {name[:100]!r}; choose one of {known}{hint}")


def plain(name: str) -> str:
    """A name as the registry has it."""
    return name.strip().lower().replace("-", "_")


def set_by_alias(name: str) -> dict[str, float]:
    """Parameters that follow from the alias by which a strategy was called."""
    return dict(_OF_ALIAS.get(plain(name), {}))


_OURS = Registry()


def find_strategy(name: str) -> Strategy:
    """One of our own strategies; see :meth:`Registry.find`."""
    return _OURS.find(name)
