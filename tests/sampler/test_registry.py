"""Strategies by name."""

from __future__ import annotations

import inspect
import re

import pytest

from protos.errors import InvalidInputError
from services.sampler.registry import STRATEGIES, find_strategy
from services.sampler.strategies.strategy import Strategy


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


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_a_docstring_says_what_goes_in_and_where_it_comes_from(strategy: Strategy) -> None:
    said = inspect.cleandoc(strategy.query.__doc__ or "")
    prose, _, arguments = said.partition("\nArgs:\n")
    arguments = " ".join(arguments.split())
    assert {"count:", "rng:"} <= set(arguments.split())
    for what, shape in {
        "scores": "float32 [rows]",
        "vectors": "float32 [rows, dim]",
        "labels": "int64 [n]",
        "committee": "float32 [members, rows]",
    }.items():
        assert what not in strategy.needs or shape in arguments, what
    for parameter in strategy.parameters:
        assert f"``{parameter.name}`` ({parameter.default:g})" in arguments
    for paper in strategy.paper.split("; "):
        number = re.search(r"arXiv (\S+)", paper)
        assert (number[1] if number else paper) in prose
