"""Standing questions: what is typed while nobody waits for it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from orchestrator.control.events import EventAsker, EventLog
from orchestrator.questions import AutoAsker, InputEndedError, Question, SeedAsker, Standing, TerminalAsker
from orchestrator.settings import AutoSettings
from orchestrator.typed_lines import TypedLines

WISH = Question("wish", "Finish [q]?", ("q", "f"), optional=True)
NOBODY = Standing(0, [], 0)


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A descriptor whose bytes arrive at standard input."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        yield writing
    os.close(writing)


def test_lines_typed_ahead_are_there_one_after_the_other(keyboard: int) -> None:
    os.write(keyboard, b"20\n0\nq")
    lines = TypedLines()
    assert lines.next() == "20"
    assert lines.at_hand() == "0"
    assert lines.at_hand() is None  # no end of the line yet
    os.write(keyboard, b"\n")
    assert lines.at_hand() == "q"


def test_nothing_typed_is_no_wish_and_does_not_wait(keyboard: int) -> None:
    said: list[str] = []
    asker = TerminalAsker(said.append)
    start = time.monotonic()
    assert asker.wish(WISH) is None
    assert asker.wish(WISH) is None
    assert time.monotonic() - start < 5
    assert said == ["Finish [q]?"]  # once


def test_a_wish_is_checked_and_a_wrong_one_is_told(keyboard: int) -> None:
    said: list[str] = []
    asker = TerminalAsker(said.append)
    os.write(keyboard, b"x\n Q \n\n")
    assert asker.wish(WISH) is None
    assert said[-1] == "'x' is no answer; type one of q, f"
    assert asker.wish(WISH) == "q"
    assert asker.wish(WISH) is None  # a blank line


def test_a_question_after_a_wish_gets_the_next_line(keyboard: int) -> None:
    os.write(keyboard, b"f\n12\n")
    asker = TerminalAsker(lambda _: None)
    assert asker.wish(WISH) == "f"
    assert asker.ask(Question("seed-0/count", "How many?"), NOBODY) == "12"


def test_standard_input_that_ended_wishes_nothing_and_fails_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:  # noqa: PTH123 - as a shell does it
        monkeypatch.setattr("sys.stdin", nothing)
        asker = TerminalAsker(lambda _: None)
        assert asker.wish(WISH) is None
        assert asker.wish(WISH) is None
        with pytest.raises(InputEndedError, match="--auto"):
            asker.ask(Question("seed-0/count", "How many?"), NOBODY)


def test_a_closed_standard_input_wishes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert TerminalAsker(lambda _: None).wish(WISH) is None


def test_settings_wish_nothing_and_seed_settings_pass_a_wish_on(keyboard: int) -> None:
    os.write(keyboard, b"q\n")
    assert AutoAsker(AutoSettings(enabled=True), 5, 0).wish(WISH) is None
    assert SeedAsker(TerminalAsker(lambda _: None), 5, 0).wish(WISH) == "q"


def test_a_wish_comes_over_the_control_service_and_only_once() -> None:
    events = EventLog("a")
    asker = EventAsker(events)
    assert not asker.answer("wish", "q")  # nobody has offered it
    assert asker.wish(WISH) is None
    assert asker.wish(WISH) is None
    assert [event.question for event in events.after(0, 0)] == [WISH]  # asked once
    assert asker.answer("wish", "f")
    assert not asker.answer("wish", "q")  # the first wins
    assert asker.wish(WISH) == "f"
    assert asker.wish(WISH) is None
