"""The loop's questions, and who answers them: the terminal, the settings, or somebody at the control service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from orchestrator.settings import AutoSettings
from orchestrator.typed_lines import TypedLines
from protos.errors import InvalidInputError

TRAIN, FINE_TUNE, FINISH = "l", "f", "q"  # the letters of the original
AUDIT, PROVE = "a", "p"
DEFAULT_SEED_COUNT = 20


class InputEndedError(InvalidInputError):
    """Standard input ended at a question; the run waits to be resumed."""


@dataclass(frozen=True)
class Question:
    """What the loop wants to know.

    Attributes:
        id: the step that waits for it.
        text: for a person.
        choices: the answers that are taken; none: a whole number from 0.
        most: the largest number that is taken.
        optional: the loop goes on without an answer; see :meth:`Asker.wish`.
        wants_example: nobody has shown yet what is looked for; an example image says it better than the answer.
    """

    id: str
    text: str
    choices: tuple[str, ...] = ()
    most: int = 1_000_000
    optional: bool = False
    wants_example: bool = False

    def check(self, answer: str) -> str:
        """The answer in its plain form.

        Raises:
            InvalidInputError: when it is none of the choices, or no whole number.
        """
        plain = answer.strip().lower()
        if self.choices and plain not in self.choices:
            raise InvalidInputError(f"{answer.strip()!r} is no answer; type one of {', '.join(self.choices)}")
        if not self.choices and not (plain.isascii() and plain.isdigit()):
            raise InvalidInputError(f"{answer.strip()[:40]!r} is no answer; type a whole number, 0 or more")
        if not self.choices and (len(plain) > 12 or int(plain) > self.most):
            raise InvalidInputError(f"{plain[:40]} is too many; type a number up to {self.most}")
        return plain


def without(question: Question, choice: str, words: str, why: str) -> Question:
    """The same question with a choice less: ``words`` are its part of the text, and the reason is told instead."""
    choices = tuple(each for each in question.choices if each != choice)
    return replace(question, text=f"{question.text.replace(words, '')} ({why})", choices=choices)


@dataclass(frozen=True)
class Standing:
    """Where the run stands when a question is asked.

    Attributes:
        rounds: rounds that are done.
        positives_by_round: positives found in the seed set and in each round.
        labels: images with an answer of yes or no.
    """

    rounds: int
    positives_by_round: Sequence[int]
    labels: int


class Asker(Protocol):
    """Whoever answers questions."""

    def ask(self, question: Question, standing: Standing) -> str:
        """An answer that ``question.check`` takes."""
        ...

    def wish(self, question: Question) -> str | None:
        """The same without waiting: what somebody has said since the last call, or None."""
        ...


class TerminalAsker:
    """Asks on standard output and reads standard input, as the original did.

    Args:
        say: prints a line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lines = TypedLines()
        self._offered: Question | None = None

    def ask(self, question: Question, standing: Standing) -> str:
        """Asks until the answer fits.

        Raises:
            InvalidInputError: when standard input ends.
        """
        while True:
            self._say(question.text)
            try:
                return question.check(self._lines.next())
            except EOFError:
                raise InputEndedError(
                    f"standard input ended at the question {question.text!r}; let the settings answer with --auto,"
                    " or answer it later"
                ) from None
            except InvalidInputError as error:
                self._say(str(error))

    def wish(self, question: Question) -> str | None:
        """Says once what may be typed; where standard input has ended nobody wishes anything."""
        if question != self._offered:
            self._offered = question
            self._say(question.text)
        line = self._lines.at_hand()
        if not line or not line.strip():
            return None
        try:
            return question.check(line)
        except InvalidInputError as error:
            self._say(str(error))
            return None


class SeedAsker:
    """Answers how many images to start with from the settings, where they say so; the rest is for ``asker``."""

    def __init__(self, asker: Asker, count: int | None, repeats: int | None) -> None:
        self._asker, self._count, self._repeats = asker, count, repeats

    def ask(self, question: Question, standing: Standing) -> str:
        """The number of seed images, or whatever ``asker`` says."""
        attempt = _attempt(question)
        if attempt == 0 and self._count is not None:
            return str(min(self._count, question.most))
        if attempt > 0 and self._repeats is not None:
            wanted = self._count or DEFAULT_SEED_COUNT
            return str(min(wanted, question.most)) if attempt <= self._repeats else "0"
        return self._asker.ask(question, standing)

    def wish(self, question: Question) -> str | None:
        """Whatever ``asker`` wishes."""
        return self._asker.wish(question)


def _attempt(question: Question) -> int:
    """How often neighbours were asked for before: the number in ``seed-2/count``; -1 for other questions."""
    if not question.id.startswith("seed-"):
        return -1
    return int(question.id.rsplit("-", 1)[1].split("/")[0])


class AutoAsker:
    """Answers from the settings, so that nobody needs to be there."""

    def __init__(self, settings: AutoSettings, seed_count: int | None, seed_repeats: int | None) -> None:
        self._settings = settings
        self._seed_count = seed_count
        self._seed_repeats = seed_repeats

    def ask(self, question: Question, standing: Standing) -> str:
        """The number of seed images, or whether to go on."""
        if not question.choices:
            return self._count(question)
        if self._done(standing):
            return FINISH
        return FINE_TUNE if self._settings.choice == "fine_tune" else TRAIN

    def wish(self, question: Question) -> str | None:
        """Nothing: between the rounds there is time to decide."""
        return None

    def _count(self, question: Question) -> str:
        if not 0 <= _attempt(question) <= (self._seed_repeats or 0):
            return "0"
        return str(min(question.most, self._seed_count or DEFAULT_SEED_COUNT))

    def _done(self, standing: Standing) -> bool:
        settings = self._settings
        patience = settings.stop_after_rounds_without_positive
        barren = (
            patience
            and len(standing.positives_by_round) > patience
            and not any(standing.positives_by_round[-patience:])
        )
        full = settings.max_labels and standing.labels >= settings.max_labels
        return bool(standing.rounds >= settings.rounds or barren or full)
