"""The table of the pool's probabilities: a column for each round, true positives first.

A row is one image throughout, so that its way through the rounds can be read along it; a cell is empty where the image was
not in the pool of that round. The last column names the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestrator.outputs.files import replacing


@dataclass(frozen=True)
class RoundScores:
    """The pool of a round, before its labels.

    Attributes:
        step: number of the round.
        scores: probability of the positive class [rows]; not-a-number where there is none.
        pool: which images were in the pool [rows].
    """

    step: int
    scores: NDArray[np.float32]
    pool: NDArray[np.bool_]


def write_probabilities(
    path: Path, rounds: Sequence[RoundScores], paths: Sequence[str], truth: NDArray[np.bool_] | None
) -> None:
    """Writes the table; whole or not at all.

    Args:
        path: of the CSV file, replaced.
        rounds: one for each column, in their order.
        paths: relative path of each image [rows].
        truth: which images are truly positive [rows]; they stand first. None: all stand by their number.

    Raises:
        InvalidInputError: when it cannot be written there.
        ExhaustedError: when the disk is full.
    """
    import pandas as pd  # takes half a second to import

    columns = {f"round_{entry.step}": np.where(entry.pool, entry.scores, np.nan) for entry in rounds}
    seen = np.zeros(len(paths), dtype=np.bool_)
    for column in columns.values():
        seen |= ~np.isnan(column)
    order = np.arange(len(paths)) if truth is None else np.argsort(~truth, kind="stable")
    order = order[seen[order]]
    table = pd.DataFrame({name: column[order] for name, column in columns.items()})
    table["path"] = pd.Series([paths[row] for row in order], dtype=object)  # a name need not be UTF-8
    with replacing(path) as scratch:
        table.to_csv(scratch, index=False, float_format="%.6g", errors="surrogateescape", lineterminator="\n")
