"""The curated data set: `final_dataset/positive` and `/negative`, and a table that says why each image is where it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from orchestrator.outputs.curated import NEGATIVE, POSITIVE, Sides
from orchestrator.outputs.files import write_csv
from orchestrator.outputs.fresh_folder import replacing_folder
from orchestrator.outputs.names import flat_names
from orchestrator.outputs.ownership import DATASET, check_folder_free
from orchestrator.outputs.transfer import transfer
from protos.errors import InvalidInputError

_FOLDERS = {POSITIVE: "positive", NEGATIVE: "negative"}
_HEADER = ("path", "side", "source", "probability", "sha256", "file")
Mode = Literal["copy", "hardlink", "symlink", "list"]


@dataclass(frozen=True)
class Curated:
    """Everything that the curated data set is made of.

    Attributes:
        run: the name of the run that it belongs to.
        root: the folder that the paths start from.
        paths: relative path of each image [rows].
        sides: where each of them belongs, see `curated.choose_sides`.
        scores: probability of the positive class [rows]; not-a-number where there is none.
        sha256: uint8 [rows, 32], the digest of each file's content, zero where unknown; None where all are.
    """

    run: str
    root: Path
    paths: list[str]
    sides: Sides
    scores: NDArray[np.float32]
    sha256: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Built:
    """What was made: the folder (None with mode "list"), images on each side, paths of images that are gone, the table."""

    folder: Path | None
    positive: int
    negative: int
    missing: list[str]
    table: Path


def build_final_dataset(curated: Curated, output: Path, table: Path, mode: Mode = "copy") -> Built:
    """Makes `final_dataset/` in the output folder and writes the table of it; the originals are never touched.

    It is built beside and then renamed, so that it is never half there; an earlier one of the same run is replaced. Names are
    flat; those that collide get a short hash of their path. Images that are gone by now are left out, and named.

    Args:
        curated: the images and their sides; unsure and quarantined ones are in neither folder.
        output: the folder to put it in.
        table: a CSV file: path, side, source (label or prediction), probability, sha256, file in `final_dataset`.
        mode: "copy", "hardlink", "symlink", or "list" for the table alone.

    Raises:
        ConflictError: when there is a `final_dataset` that is not this run's.
        InvalidInputError, ExhaustedError: when it cannot be written.
    """
    check_lengths(curated)
    names = flat_names(curated.paths)
    missing: set[int] = set()
    if mode != "list":
        check_folder_free(output / DATASET, curated.run)
        missing = _build(curated, names, output, mode)
    write_csv(table, _HEADER, _rows(curated, names, missing, mode))
    kept = [int(item) for item in np.flatnonzero(curated.sides.side >= 0) if int(item) not in missing]
    positive = sum(int(curated.sides.side[item] == POSITIVE) for item in kept)
    folder = None if mode == "list" else output / DATASET
    gone = [curated.paths[item] for item in sorted(missing)]
    return Built(folder, positive, len(kept) - positive, gone, table)


def check_lengths(curated: Curated) -> None:
    """Refuses arrays that do not belong to the same catalog: they would put images on the wrong side."""
    rows = len(curated.paths)
    lengths = {len(curated.sides.side), len(curated.sides.labelled), len(curated.scores)}
    if curated.sha256 is not None:
        lengths.add(len(curated.sha256))
    if lengths != {rows}:
        raise InvalidInputError(f"arrays of {sorted(lengths)} rows do not belong to a catalog of {rows} images")


def _build(curated: Curated, names: list[str], output: Path, mode: str) -> set[int]:
    """Builds the folder beside the old one and switches; returns the items whose files are gone."""
    with replacing_folder(output / DATASET, curated.run) as fresh:
        return _fill(curated, names, fresh, mode)


def _fill(curated: Curated, names: list[str], folder: Path, mode: str) -> set[int]:
    for side in _FOLDERS.values():
        (folder / side).mkdir(parents=True)
    items = {}
    pairs = []
    for item in np.flatnonzero(curated.sides.side >= 0).tolist():
        source = curated.root / curated.paths[item]
        items[source] = item
        pairs.append((source, folder / _FOLDERS[int(curated.sides.side[item])] / names[item]))
    return {items[source] for source in transfer(pairs, mode)}


def _rows(curated: Curated, names: list[str], missing: set[int], mode: str) -> Iterator[tuple[str, ...]]:
    for item in np.flatnonzero(curated.sides.side >= 0).tolist():
        side = _FOLDERS[int(curated.sides.side[item])]
        score = float(curated.scores[item])
        digest = curated.sha256[item] if curated.sha256 is not None else None
        yield (
            curated.paths[item],
            side,
            "label" if curated.sides.labelled[item] else "prediction",
            "" if np.isnan(score) else f"{score:.6g}",
            digest.tobytes().hex() if digest is not None and digest.any() else "",
            "" if mode == "list" or item in missing else f"{side}/{names[item]}",
        )
