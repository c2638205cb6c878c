"""What the end of a run says of a head that could not tell yes from no."""

from __future__ import annotations

import pytest

from orchestrator.clients.refs import ValidationRef
from orchestrator.finish import weak_head
from orchestrator.labeling import Labelled
from orchestrator.rounds import RoundRecord

NAN = float("nan")


def _round(number: int, f1: float | None) -> RoundRecord:
    quality = ValidationRef(f1=f1, precision=0, accuracy=0.74, recall=0, loss=1, images=86) if f1 is not None else None
    return RoundRecord(
        number=number,
        choice="l",
        position=86,
        labelled=Labelled.model_construct(),
        scores=None,
        validation=quality,
        train_seconds=0.0,
    )


def test_a_head_that_says_no_to_all_is_told_although_its_accuracy_looks_good() -> None:
    said = weak_head([_round(1, 0.9), _round(2, 0.0)])["head"]
    assert said.startswith(
        "could not tell yes from no well (F1 0.00 on 86 labels, of the last head that could be measured)"
    )


def test_the_last_round_that_trained_counts() -> None:
    assert weak_head([_round(1, 0.1), _round(2, None)])
    assert weak_head([_round(1, 0.1), _round(2, 0.8)]) == {}


@pytest.mark.parametrize("f1", [0.5, 1.0, NAN])
def test_a_fair_head_and_one_that_nobody_could_measure_are_not_warned_of(f1: float) -> None:
    assert weak_head([_round(1, f1)]) == {}


def test_without_rounds_there_is_nothing_to_say() -> None:
    assert weak_head([]) == {}
