"""What a generation is named by, and what cannot be built."""

from __future__ import annotations

import dataclasses

import pytest

from protos.errors import InvalidInputError
from services.index.parameters import BuildParameters

GOOD = BuildParameters(rows=10, dim=4, metric="euclidean", num_trees=10, n_jobs=1, seed=0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rows": 0}, "0 vectors of 4 numbers cannot be indexed"),
        ({"dim": 0}, "10 vectors of 0 numbers cannot be indexed"),
        ({"metric": "manhattan"}, "the metric is 'manhattan'; choose one of euclidean, angular"),
        ({"metric": ""}, "the metric is ''"),
        ({"num_trees": 0}, "num_trees is 0; give 1 to 1000"),
        ({"num_trees": 1001}, "num_trees is 1001"),
        ({"n_jobs": 0}, "n_jobs is 0; give 1 to 256"),
        ({"n_jobs": 257}, "n_jobs is 257"),
    ],
)
def test_what_cannot_be_built(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        dataclasses.replace(GOOD, **change)  # type: ignore[arg-type]


def test_every_parameter_is_part_of_the_name() -> None:
    changes = [{}, {"rows": 11}, {"dim": 5}, {"metric": "angular"}, {"num_trees": 11}, {"n_jobs": 2}, {"seed": 1}]
    variants = [dataclasses.replace(GOOD, **change) for change in changes]  # type: ignore[arg-type]
    names = {variant.generation_id("manifest") for variant in variants}
    assert len(names) == len(changes)
    assert GOOD.generation_id("another") not in names


def test_trees_do_not_name_the_matrix() -> None:
    """More trees need no new vectors."""
    trees = dataclasses.replace(GOOD, num_trees=50, n_jobs=2, seed=9, metric="angular")
    assert trees.matrix_name("m") == GOOD.matrix_name("m")
    assert dataclasses.replace(GOOD, dim=5).matrix_name("m") != GOOD.matrix_name("m")


def test_names_stay_what_they_were() -> None:
    """A stored generation is found again by a later version."""
    assert GOOD.generation_id("m") == "9a7ec5e24ff2dee2589e78c12603acda"
