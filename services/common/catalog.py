"""The catalog: an image is its row number.

A catalog lists the images of a data set once, sorted bytewise by relative path. It is an SQLite file (an immutable
artifact): any 256 rows are read in a millisecond, and a million of them need no memory. A catalog only grows, and an item
never changes its number or its content.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from protos.errors import InvalidInputError, NotFoundError
from services.common.artifacts import digest_of

BLOCK_ROWS = 256  # the unit of embedding
_COMMON = ".jpg .jpeg .jpe .jfif .png .webp .bmp .gif .tif .tiff .ppm .pgm"
SUFFIXES = frozenset(f"{_COMMON} .avif .jp2 .heic .heif".split(" "))


@dataclass(frozen=True, slots=True)
class Row:
    """One image: its number, its path relative to the root of the data set, its size and modification time."""

    item: int
    path: str
    size: int
    mtime_ns: int


def list_images(root: Path) -> list[tuple[str, int, int]]:
    """Every image below ``root`` as (relative path, size, mtime in ns), sorted bytewise by path.

    Hidden files and folders and other suffixes are left out. Links to files are followed, links to folders are not.

    Raises:
        NotFoundError: when ``root`` is no folder.
        InvalidInputError: when there is no image in it.
    """
    if not root.is_dir():
        raise NotFoundError(f"the data folder {root} does not exist; give the folder that holds the images")
    found = sorted(_walk(str(root), ""), key=lambda entry: os.fsencode(entry[0]))
    if not found:
        raise InvalidInputError(f"there is no image in {root}; it takes files named {', '.join(sorted(SUFFIXES))}")
    return found


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, int, int]]:
    try:
        entries = os.scandir(folder)
    except OSError as error:
        raise InvalidInputError(
            f"the folder {folder} cannot be read: {error.strerror}; mend its permissions"
        ) from error
    with entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, f"{prefix}{entry.name}/")
            elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:  # noqa: PTH122 - a million of them
                yield from _file(entry, prefix)


def _file(entry: os.DirEntry[str], prefix: str) -> Iterator[tuple[str, int, int]]:
    try:
        about = entry.stat()
    except OSError:  # a link to nowhere or to itself; or gone since the folder was listed
        return
    if stat.S_ISREG(about.st_mode):
        yield f"{prefix}{entry.name}", about.st_size, about.st_mtime_ns


def write_catalog(file: Path, root: Path, images: Iterable[tuple[str, int, int]], grown_from: int = 0) -> int:
    """Writes a catalog file; returns the number of its rows.

    Args:
        file: where the catalog is written.
        root: the folder that the relative paths start from.
        images: (relative path, size, mtime in ns) in the order of their numbers.
        grown_from: how many of them, from the first, another catalog held before.
    """
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as database:
        database.executescript(
            "CREATE TABLE about (root BLOB NOT NULL, grown_from INTEGER NOT NULL DEFAULT 0);"
            "CREATE TABLE image (item INTEGER PRIMARY KEY, path BLOB NOT NULL, name BLOB NOT NULL,"
            " size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL);"
        )
        database.execute("INSERT INTO about VALUES (?, ?)", (os.fsencode(root), grown_from))
        rows = (
            (item, os.fsencode(path), os.fsencode(path.rpartition("/")[2]), size, mtime)
            for item, (path, size, mtime) in enumerate(images)
        )
        count = database.executemany("INSERT INTO image VALUES (?, ?, ?, ?, ?)", rows).rowcount
        database.execute("CREATE UNIQUE INDEX by_path ON image (path)")
        database.execute("CREATE INDEX by_name ON image (name)")
        database.commit()
    return max(count, 0)


class Catalog:
    """A catalog file, read-only. One object serves one thread at a time; opening another is cheap.

    Args:
        path: the verified file.
        root: another place of the data set on this machine, where it is mounted elsewhere.
    """

    def __init__(self, path: Path, root: Path | None = None) -> None:
        try:
            address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
            self._database = sqlite3.connect(address, uri=True, check_same_thread=False)
            stored, *more = self._database.execute("SELECT * FROM about").fetchone()
        except (sqlite3.Error, TypeError) as error:
            raise InvalidInputError(f"{path} is no catalog: {error}") from error
        self.listed_root = Path(os.fsdecode(stored))
        self.grown_from = int(more[0]) if more else 0  # one of an earlier version has not grown
        self.root = root or self.listed_root

    def __len__(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM image").fetchone()[0])

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def rows(self, first: int = 0, count: int | None = None) -> Iterator[Row]:
        """Rows ``first`` to ``first + count`` in order; all from ``first`` without a count."""
        last = 2**62 if count is None else first + count
        cursor = self._database.execute(
            "SELECT item, path, size, mtime_ns FROM image WHERE item >= ? AND item < ? ORDER BY item", (first, last)
        )
        return (Row(item, os.fsdecode(path), size, mtime) for item, path, size, mtime in cursor)

    def row(self, item: int) -> Row:
        """One row.

        Raises:
            NotFoundError: when the catalog has no such item.
        """
        for row in self.rows(item, 1):
            return row
        raise NotFoundError(f"there is no item {item} in this catalog of {len(self)} images")

    def find(self, path: str) -> int | None:
        """The item at a relative path, or None."""
        found = self._database.execute("SELECT item FROM image WHERE path = ?", (os.fsencode(path),)).fetchone()
        return None if found is None else int(found[0])

    def find_names(self, name: str) -> list[int]:
        """The items whose file name (the last part of the path) is ``name``, in order; the seed folders name files so."""
        cursor = self._database.execute("SELECT item FROM image WHERE name = ? ORDER BY item", (os.fsencode(name),))
        return [int(item) for (item,) in cursor]

    def file_of(self, row: Row) -> Path:
        """Where the image of a row lies on this machine."""
        return self.root / row.path

    def block_digest(self, block: int, count: int = BLOCK_ROWS) -> str:
        """The name of block ``block``, or of its first ``count`` rows: a digest of the data set's place and of the rows.

        Equal images under a grown catalog keep their name; equal names and times elsewhere are other images.
        """
        rows = self.rows(block * BLOCK_ROWS, count)
        parts = (part for row in rows for part in (os.fsencode(row.path), row.size, row.mtime_ns))
        return digest_of(os.fsencode(self.listed_root), *parts)
