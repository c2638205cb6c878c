"""Lists of image files: CSV, JSON lines, Parquet or plain text, with paths or URLs in a column that is found by its name."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from protos.errors import InvalidInputError

COLUMNS = ("path", "file", "file_name", "filename", "filepath", "file_path", "image", "url", "uri")
_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".txt")


def is_list(data: Path) -> bool:
    """Whether a path is that of a list, by its ending."""
    return data.suffix.lower() in _SUFFIXES and not data.is_dir()


def read_list(path: Path) -> list[str]:
    """What a list names, in its order; relative paths start at the list's folder.

    CSV, TSV and Parquet have a column ``path`` (or one of `COLUMNS`), JSON lines an entry of that name, or each line is a string;
    text has a path a line.

    Raises:
        InvalidInputError: when it cannot be read, has no such column, or names nothing.
    """
    reader = {".parquet": _parquet, ".jsonl": _json_lines, ".ndjson": _json_lines, ".txt": _text}.get(
        path.suffix.lower()
    )
    try:
        found = [entry.strip() for entry in (reader(path) if reader else _table(path))]
    except (OSError, UnicodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InvalidInputError(f"the list {path} cannot be read: {reason}") from error
    entries = [entry for entry in found if entry]
    if not entries:
        raise InvalidInputError(f"the list {path} names no file")
    bad = next((entry for entry in entries if "\0" in entry), None)
    if bad is not None:
        raise InvalidInputError(f"the list {path} has {bad!r}, which is no path")
    return entries


def _text(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        yield from file


def _table(path: Path) -> Iterator[str]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter)
        at = _column(path, next(rows, []))
        for number, row in enumerate(rows, start=2):
            if row and len(row) <= at:
                raise InvalidInputError(
                    f"line {number} of the list {path} has {len(row)} columns; the path is in column {at + 1}"
                )
            yield row[at] if row else ""


def _json_lines(path: Path) -> Iterator[str]:
    for number, line in enumerate(_text(path), start=1):
        if not line.strip():
            continue
        try:
            entry: Any = json.loads(line)
        except ValueError as error:
            raise InvalidInputError(f"line {number} of the list {path} is no JSON: {error}") from error
        if isinstance(entry, dict):
            entry = next((entry[name] for name in COLUMNS if name in entry), None)
        if not isinstance(entry, str):
            raise InvalidInputError(f"line {number} of the list {path} has no text under {_names()}")
        yield entry


def _parquet(path: Path) -> Iterator[str]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise InvalidInputError(
            f"the list {path} needs one more package: pip install 'active-labeler[parquet]'"
        ) from error
    try:
        with path.open("rb") as opened, parquet.ParquetFile(opened) as file:
            name = file.schema_arrow.names[_column(path, file.schema_arrow.names)]
            for batch in file.iter_batches(columns=[name]):
                yield from (str(value) for value in batch.column(0).to_pylist() if value is not None)
    except pyarrow.ArrowException as error:
        raise InvalidInputError(f"the list {path} cannot be read: {error}") from error


def _column(path: Path, names: list[str]) -> int:
    """The place of the column with the paths."""
    plain = [name.strip().lower() for name in names]
    for name in COLUMNS:
        if name in plain:
            return plain.index(name)
    raise InvalidInputError(
        f"the list {path} has no column named {_names()}; it has {', '.join(names) or 'none'}: name the one with the paths so"
    )


def _names() -> str:
    return f"{', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}"
