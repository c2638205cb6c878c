"""Lines of standard input, waited for or merely looked for."""

from __future__ import annotations

import os
import select
import sys

_CHUNK = 65536


class TypedLines:
    """Reads standard input line by line.

    It reads the descriptor itself where there is one: what a text stream has taken into its buffer, ``select`` no longer
    sees, and a line typed ahead would be noticed only with the next one.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._ended = False

    def next(self) -> str:
        """The next line without its end, waited for.

        Raises:
            EOFError: when there is none any more.
        """
        line = self._line(None)
        if line is None:
            raise EOFError
        return line

    def at_hand(self) -> str | None:
        """A line that is there already; None where nobody has typed one, or standard input has ended."""
        return self._line(0.0)

    def _line(self, seconds: float | None) -> str | None:
        descriptor = _descriptor()
        if descriptor is None:
            return self._from_stream(seconds)
        while b"\n" not in self._buffer and not self._ended:
            if seconds is not None and not select.select([descriptor], [], [], seconds)[0]:
                return None
            chunk = os.read(descriptor, _CHUNK)
            self._ended = not chunk
            self._buffer += chunk
        if not self._buffer:
            return None
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode(errors="replace")

    def _from_stream(self, seconds: float | None) -> str | None:
        """A stream without a descriptor, a notebook's for example, can only be waited for."""
        if seconds is not None or sys.stdin is None:
            return None
        line = sys.stdin.readline()
        return line.removesuffix("\n") if line else None


def _descriptor() -> int | None:
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # none at all, no file behind it, or closed
        return None
