"""A large image in pieces: what there is of it at which level, by numbers alone.

Level 0 has all pixels, each further level half of them in each direction. A piece is a square of a level, counted in columns
and rows from the upper left; the last ones are cut off where the image ends. The levels end where the full picture, with 4,096
pixels, shows as much.
"""

from __future__ import annotations

from dataclasses import dataclass

from protos.errors import DamagedError, NotFoundError

FULL_SIDE = 4096  # what the full picture of an image shows at most; phones show no larger ones
PIECE_SIDE = 512  # pixels of a level


@dataclass(frozen=True)
class Piece:
    """Which piece of an image: its level, column and row, counted from 0."""

    level: int
    column: int
    row: int


@dataclass(frozen=True)
class Size:
    """The pixels of an image that stands upright."""

    width: int
    height: int

    @staticmethod
    def of(data: bytes) -> Size:
        """The size that `as_bytes` has written.

        Raises:
            DamagedError: when it is none.
        """
        words = data.split()
        if len(words) != 2 or not all(word.isdigit() and int(word) > 0 for word in words):
            raise DamagedError(
                f"the note of an image's size is damaged, it begins with {data[:20]!r};"
                " stop the labeler, delete its folder of derivatives, and start it again"
            )
        return Size(int(words[0]), int(words[1]))

    def as_bytes(self) -> bytes:
        """Width and height in digits."""
        return b"%d %d" % (self.width, self.height)

    @property
    def levels(self) -> int:
        """How many levels have more pixels than the full picture; 0 for images of up to 4,096 pixels."""
        levels = 0
        while _halved(max(self.width, self.height), levels) > FULL_SIDE:
            levels += 1
        return levels

    def grid(self, level: int) -> tuple[int, int]:
        """Columns and rows of a level."""
        columns, rows = (-(-_halved(side, level) // PIECE_SIDE) for side in (self.width, self.height))
        return columns, rows

    def check(self, piece: Piece) -> None:
        """Raises NotFoundError, saying what there is, where there is no such piece."""
        if self.levels == 0:
            raise NotFoundError(
                f"an image of {self.width} x {self.height} pixels has no pieces: its full picture shows all of them"
            )
        if not 0 <= piece.level < self.levels:
            raise NotFoundError(f"there is no level {piece.level} of this image; it has {self.levels}, counted from 0")
        columns, rows = self.grid(piece.level)
        if not (0 <= piece.column < columns and 0 <= piece.row < rows):
            raise NotFoundError(
                f"there is no piece at column {piece.column}, row {piece.row} of level {piece.level};"
                f" it has {columns} columns and {rows} rows, counted from 0"
            )

    def box(self, piece: Piece) -> tuple[int, int, int, int]:
        """Left, upper, right, lower of a piece in pixels of the image."""
        side = PIECE_SIDE << piece.level
        left, upper = piece.column * side, piece.row * side
        return left, upper, min(self.width, left + side), min(self.height, upper + side)


def _halved(side: int, times: int) -> int:
    return ((side - 1) >> times) + 1
