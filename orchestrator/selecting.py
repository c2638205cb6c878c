"""Which images a round asks about."""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.refs import ArtifactRef, Pick
from orchestrator.clients.sampler import StrategyFacts, Wishes
from orchestrator.labels import LabelLog, Labels
from orchestrator.model import Model
from orchestrator.opinions import ask_again, count_people, held_out, overlap, worth_a_third
from orchestrator.run import Run
from protos.errors import InvalidInputError

HYBRID = "hybrid"
_SIMULATED = 3  # people whom the labeler can play
_OF_GOAL = {  # shares of hybrid; what is left exploits
    "find_all": {"boundary": 0.1, "explore": 0.5},
    "classifier": {"boundary": 0.6, "explore": 0.3},
    "both": {},
}


def free_items(present: NDArray[np.bool_], asked: NDArray[np.uint64]) -> int:
    """How many items can be asked about: embedded [rows] bool, and not among ``asked`` [n] uint64."""
    known = asked[asked < len(present)].astype(np.int64)  # a log may speak of images that are added later on
    return int(present.sum()) - int(present[known].sum())


def choose_images(
    run: Run, log: LabelLog, model: Model, number: int, trained: Labels, out_of_fold: ArtifactRef | None
) -> list[Pick]:
    """`sampling.size` images of the pool, all of it when it is smaller; with their neighbours when these are wanted.

    Second opinions on answered images, where these are wanted, come first.

    Args:
        trained: the labels that the newest head was trained on.
        out_of_fold: float32 [n], what heads that have not seen them say about these.
    """
    sampling = run.settings.sampling
    assert run.results is not None
    with run.telling("select") as words:
        labels = _known(run, log, number)
        asked = labels.asked()
        free = free_items(run.results.present, asked)
        strategy = sampling.strategy if model.scores or sampling.strategy == HYBRID else "random"
        picks: list[Pick] = []
        if free > 0:
            count = min(run.settings.cards, free)
            seed = run.seed("select", number)
            wishes = _wishes(run, model, labels, number, strategy)
            picks = run.clients.sampler.select(
                run.id, number, strategy, count, seed, model.generation, model.scores, asked, wishes
            )
        words.append(f"Round {number}: picked {len(picks)} of {free} images by {strategy}{_reasons(picks)}")
        if sampling.neighbours and picks:
            more = _neighbours_of(run, model, picks, set(asked.tolist()))
            words.append(f"and {len(more)} neighbours of them")
            picks = picks + more
        again = _second_opinions(run, labels, number, trained, out_of_fold, model.scores)
        if again:
            words.append(f"and {len(again)} once more{_reasons(again)}")
    return again + picks


def _second_opinions(
    run: Run,
    labels: Labels,
    number: int,
    trained: Labels,
    out_of_fold: ArtifactRef | None,
    scores: ArtifactRef | None,
) -> list[Pick]:
    labeling, cards = run.settings.labeling, run.settings.cards
    assert run.results is not None
    expected = held_out(trained, run.results.load(out_of_fold)) if out_of_fold else {}
    people = _SIMULATED if labeling.simulate else count_people(labels)
    newest = run.results.load(scores) if scores else None
    worth = 0.0 if newest is None else worth_a_third(newest, labels, cards)
    again = ask_again(labels, expected, ceil(labeling.again * cards), people, newest, worth)
    wanted, seed = ceil(labeling.overlap * cards), run.seed("overlap", number)
    return again + overlap(labels, expected, {pick.item for pick in again}, wanted, seed)


def _known(run: Run, log: LabelLog, number: int) -> Labels:
    """What is known now; answers given while the head was trained are among it, so their position is recorded."""
    return log.at(run.once(f"round-{number}/asked", int, lambda: log.newest().position))


def _reasons(picks: list[Pick]) -> str:
    reasons = [pick.reason for pick in picks]
    kinds = sorted(set(reasons), key=reasons.index)
    return f" ({', '.join(f'{reasons.count(kind)} {kind}' for kind in kinds)})" if len(kinds) > 1 else ""


def _wishes(run: Run, model: Model, labels: Labels, number: int, strategy: str) -> Wishes:
    sampling = run.settings.sampling
    of_goal = _OF_GOAL[run.settings.goal] if strategy == HYBRID else {}
    parameters = sampling.parameters if strategy == sampling.strategy else {}
    return Wishes(
        labelled=labels.training(),
        parameters={**of_goal, **parameters},
        committee=_committee(run, model, labels, number, strategy),
        candidates=_near_positives(run, model, labels),
        no_closer_than=sampling.no_closer_than,
        anchors=sampling.anchors,
        threshold=run.settings.yes_begins_at,
    )


def _committee(run: Run, model: Model, labels: Labels, number: int, strategy: str) -> ArtifactRef | None:
    """The votes of a committee, for strategies that want one."""
    kind = find_strategy(run, strategy).committee
    if not kind or model.head is None:
        return None
    return run.clients.trainer.score_committee(
        run.id,
        model.head,
        model.generation,
        labels.training(),
        run.settings,
        run.seed("committee", number),
        kind,
    )


def find_strategy(run: Run, name: str) -> StrategyFacts:
    """What the sampler knows about a strategy.

    Raises:
        InvalidInputError: when it knows none of that name.
    """
    known = run.clients.sampler.strategies()
    found = next((facts for facts in known if name in (facts.name, *facts.aliases)), None)
    if found is None:
        raise InvalidInputError(
            f"sampling.strategy is {name!r}, which the sampler does not know; it has"
            f" {', '.join(facts.name for facts in known)}; install the package of yours where the sampler runs"
        )
    return found


def check_strategy(run: Run) -> None:
    """Tells before the long work begins what is wrong with the strategy or its parameters.

    Raises:
        InvalidInputError: when the strategy is unknown, or does not take a parameter.
    """
    sampling = run.settings.sampling
    if "." not in sampling.strategy and not sampling.parameters:
        return  # one of ours, as the settings have seen already
    facts = find_strategy(run, sampling.strategy)
    for name in sampling.parameters:
        if name not in facts.parameters:
            takes = ", ".join(facts.parameters) or "none"
            raise InvalidInputError(f"sampling.parameters has {name!r}, but strategy {facts.name} takes {takes}")


def _near_positives(run: Run, model: Model, labels: Labels) -> NDArray[np.uint64]:
    """The neighbours of all positives (SEALS, arXiv 2007.00077), where the settings want only these looked at."""
    items, positive = labels.training()
    seals = run.settings.sampling.seals
    if not seals or not positive.any():
        return np.empty(0, dtype=np.uint64)
    found = run.clients.index.neighbours(run.id, model.generation, items[positive], seals, run.settings.index.search_k)
    return np.unique(np.array([item for near, _ in found for item in near], dtype=np.uint64))


def _neighbours_of(run: Run, model: Model, picks: list[Pick], asked: set[int]) -> list[Pick]:
    """The nearest neighbours of the picks (each counts as its own first), without what was asked or picked already."""
    items = np.array([pick.item for pick in picks], dtype=np.uint64)
    sampling, search_k = run.settings.sampling, run.settings.index.search_k
    found = run.clients.index.neighbours(run.id, model.generation, items, sampling.n_closest, search_k)
    taken = asked | {pick.item for pick in picks}
    more: list[Pick] = []
    for pick, (near, _) in zip(picks, found, strict=True):
        for item in near[: sampling.n_closest]:
            if item not in taken:
                taken.add(item)
                more.append(Pick(item=item, reason=f"neighbour of {pick.item}", score=float("nan")))
    return more
