"""Text from outside: file names, names of people, questions."""

from __future__ import annotations

import re

from protos.errors import InvalidInputError

_RUN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


def clean(text: str, limit: int) -> str:
    """The text on one line, without what cannot be printed (control and direction marks, lone surrogates), cut to ``limit``."""
    if text.isprintable():  # nearly every one
        return text.strip()[:limit]
    printable = "".join(
        letter if letter.isprintable() else " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return printable.strip()[:limit]


def clean_lines(text: str, limit: int) -> str:
    """The text cut to ``limit``, each of its lines as `clean` leaves it."""
    return "\n".join(clean(line, limit) for line in text.strip().splitlines())[:limit]


def is_run(text: str) -> bool:
    """Whether a run may be called so."""
    return _RUN.fullmatch(text) is not None


def check_run(run: str) -> str:
    """The name of a run as it is.

    Raises:
        InvalidInputError: when it could not stand in an address of the page.
    """
    if not is_run(run):
        raise InvalidInputError(f"{clean(run, 100)!r} is no name of a run: 1 to 100 letters, digits, '.', '_' or '-'")
    return run
