"""Every image as a row of a table: CSV and Parquet, with the same columns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from orchestrator.outputs.files import write_csv
from orchestrator.outputs.formats.snapshot import ImageRecord, Snapshot
from orchestrator.outputs.formats.text_names import as_text, exact
from protos.errors import InvalidInputError

COLUMNS = (
    "path",
    "sha256",
    "side",
    "source",
    "probability",
    "bin",
    "answer",
    "annotator",
    "round",
    "path_base64",
    "flagged",
    "notes",
)
_ROWS = 65_536  # of Parquet's row groups


def write_images_csv(snapshot: Snapshot, path: Path) -> None:
    """A CSV file, UTF-8; what is not known is empty."""
    write_csv(path, COLUMNS, (["" if value is None else value for value in row] for row in _rows(snapshot)))


def check_parquet() -> None:
    """Looks whether Parquet can be written.

    Raises:
        InvalidInputError: when pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise InvalidInputError(
            "Parquet needs pyarrow, not installed here: `pip install 'active-labeler[parquet]'`, or choose --format csv"
        ) from error


def write_parquet(snapshot: Snapshot, path: Path) -> None:
    """A Parquet file; what is not known is null. Its metadata name the run and the positive class.

    Raises:
        InvalidInputError: when pyarrow is not installed.
    """
    check_parquet()
    import pyarrow
    from pyarrow import parquet

    types = {"probability": pyarrow.float32(), "round": pyarrow.int32()}
    schema = pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in COLUMNS])
    about = {"run": snapshot.curated.run, "positive_name": as_text(snapshot.positive_name)}
    with parquet.ParquetWriter(path, schema.with_metadata(about)) as writer:
        for rows in _batches(_rows(snapshot)):
            columns = [[None if value == "" else value for value in column] for column in zip(*rows, strict=True)]
            arrays = [pyarrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=writer.schema))


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while batch := list(islice(rows, _ROWS)):
        yield batch


def _rows(snapshot: Snapshot) -> Iterator[tuple[Any, ...]]:
    return (_row(image) for image in snapshot.images())


def _row(image: ImageRecord) -> tuple[Any, ...]:
    probability = None if image.probability is None else float(f"{image.probability:.6g}")
    return (
        as_text(image.path),
        image.sha256,
        image.side,
        image.source,
        probability,
        image.bin,
        image.answer,
        as_text(image.annotator),
        image.round,
        exact(image.path),
        "yes" if image.flagged else "",
        as_text("; ".join(image.notes)),
    )
