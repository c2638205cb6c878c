"""Strategies by name."""

from __future__ import annotations

import pytest

from protos.errors import InvalidInputError
from services.sampler.registry import STRATEGIES, find_strategy


def test_the_originals_five_are_here() -> None:
    names = [strategy.name for strategy in STRATEGIES]
    assert {"random", "uncertainty", "gaussian", "uncertainty_balanced", "positive"} <= set(names)
    assert names[0] == "hybrid"  # the default comes first
    assert all(strategy.description for strategy in STRATEGIES)
    assert len({strategy.query for strategy in STRATEGIES}) == len(STRATEGIES)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("random", "random"),
        ("gaussian", "gaussian"),
        ("guassian", "gaussian"),
        ("Uncertainty", "uncertainty"),
        (" positive ", "positive"),
        ("uncertainty-balanced", "uncertainty_balanced"),
        ("margin", "uncertainty"),
        ("entropy", "uncertainty"),
        ("least-confidence", "uncertainty"),
        ("committee", "bald"),
        ("uherding", "maxherding"),
    ],
)
def test_names_aliases_and_spellings(name: str, found: str) -> None:
    assert find_strategy(name).name == found


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("uncertanty", "uncertainty"),
        ("gausian", "gaussian"),
        ("postive", "positive"),
        ("rndom", "random"),
        ("guasian", "gaussian"),
    ],
)
def test_typing_error_is_understood(name: str, meant: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        find_strategy(name)
    assert str(caught.value) == (
        f"there is no sampling strategy {name!r}; choose one of hybrid, positive, uncertainty, gaussian, random,"
        " uncertainty_balanced, galaxy, bald, badge, typiclust, maxherding, coreset, dropquery;"
        f" did you mean {meant!r}?"
    )


@pytest.mark.parametrize("name", ["", "kmeans", "\0", "x" * 10_000])
def test_unknown_strategy_is_named_with_all_known_ones(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"choose one of hybrid, .*, dropquery$") as caught:
        find_strategy(name)
    assert len(str(caught.value)) < 300
