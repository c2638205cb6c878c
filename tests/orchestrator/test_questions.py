"""Questions, and who answers them."""

from __future__ import annotations

import io

import pytest

from orchestrator.questions import AutoAsker, Question, Standing, TerminalAsker, without
from orchestrator.settings import AutoSettings
from protos.errors import InvalidInputError

CHOICE = Question("round-1/choice", "go on?", ("l", "f", "q"))
COUNT = Question("seed-0/count", "how many?")
START = Standing(0, [3], 20)


@pytest.mark.parametrize(("typed", "plain"), [("l", "l"), (" Q \n", "q"), ("F", "f")])
def test_choices_are_taken_in_any_case(typed: str, plain: str) -> None:
    assert CHOICE.check(typed) == plain


@pytest.mark.parametrize("typed", ["", "x", "lq", "1"])
def test_other_answers_are_refused(typed: str) -> None:
    with pytest.raises(InvalidInputError, match="l, f, q"):
        CHOICE.check(typed)


@pytest.mark.parametrize("typed", ["", "-1", "two", "1.5", "²"])
def test_a_count_is_a_whole_number(typed: str) -> None:
    with pytest.raises(InvalidInputError, match="whole number"):
        COUNT.check(typed)


def test_the_terminal_asks_again_until_it_understands(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("sys.stdin", io.StringIO("what\n\n20\n"))
    assert TerminalAsker(said.append).ask(COUNT, START) == "20"
    assert said.count(COUNT.text) == 3


def test_the_end_of_standard_input_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(InvalidInputError, match="--auto"):
        TerminalAsker(lambda _: None).ask(COUNT, START)


def test_auto_answers_the_seed_once_and_ends_the_rounds() -> None:
    auto = AutoAsker(AutoSettings(enabled=True, rounds=2), None, None)
    assert auto.ask(COUNT, START) == "20"
    assert auto.ask(Question("seed-1/count", "more?"), START) == "0"
    assert auto.ask(CHOICE, START) == "l"
    assert auto.ask(CHOICE, Standing(2, [3, 1, 1], 60)) == "q"


def test_auto_repeats_the_seed_when_told_to() -> None:
    auto = AutoAsker(AutoSettings(enabled=True), 12, 1)
    answers = [auto.ask(Question(f"seed-{attempt}/count", ""), START) for attempt in range(3)]
    assert answers == ["12", "12", "0"]


def test_auto_stops_when_nothing_is_found_any_more() -> None:
    auto = AutoAsker(AutoSettings(enabled=True, rounds=99, stop_after_rounds_without_positive=2), None, None)
    assert auto.ask(CHOICE, Standing(1, [5, 0], 40)) == "l"
    assert auto.ask(CHOICE, Standing(3, [5, 1, 0, 0], 80)) == "q"
    assert auto.ask(CHOICE, Standing(3, [5, 0, 0, 1], 80)) == "l"


def test_auto_stops_at_the_label_limit() -> None:
    auto = AutoAsker(AutoSettings(enabled=True, rounds=99, max_labels=50, choice="fine_tune"), None, None)
    assert auto.ask(CHOICE, Standing(1, [5, 5], 49)) == "f"
    assert auto.ask(CHOICE, Standing(1, [5, 5], 50)) == "q"


def test_a_choice_that_cannot_be_is_not_asked_for_and_the_reason_is_told() -> None:
    question = Question("r", "Train [l], tune [f], or finish [q]?", ("l", "f", "q"))
    less = without(question, "f", " tune [f],", "nothing to tune")
    assert (less.id, less.text) == ("r", "Train [l], or finish [q]? (nothing to tune)")
    with pytest.raises(InvalidInputError, match="'f' is no answer; type one of l, q"):
        less.check("f")
