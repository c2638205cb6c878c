"""The file of a backup: a tar of regular files, and last a table of their digests."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

from protos.errors import ConflictError, DamagedError, InvalidInputError, NotFoundError

FORMAT = 1
_TABLE = "backup.json"
_CHUNK = 1 << 20
_MOST_TABLE = 1 << 30
_TOPS = ("runtime", "artifacts", "labels")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass
class ArchiveWriter:
    """Adds files to an archive that is being written."""

    _tar: tarfile.TarFile
    files: dict[str, dict[str, str | int]] = field(default_factory=dict)

    def add_bytes(self, name: str, data: bytes) -> None:
        """Adds a file with this content."""
        self._add(name, BytesIO(data), len(data))

    def add_file(self, name: str, path: Path) -> None:
        """Adds a copy of a file."""
        with path.open("rb") as file:
            self._add(name, file, os.fstat(file.fileno()).st_size)

    def _add(self, name: str, file: IO[bytes], size: int) -> None:
        if name in self.files:
            return
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o644
        hashed = _Hashed(file)
        self._tar.addfile(member, hashed)
        self.files[name] = {"sha256": hashed.digest.hexdigest(), "bytes": size}


class _Hashed:
    """A file that is read once, and its digest afterwards."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


@contextmanager
def writing(path: Path, run: str) -> Iterator[ArchiveWriter]:
    """A new archive at ``path``, which is there when the block ends without an exception, and not before.

    Raises:
        ConflictError: when there is a file already.
        NotFoundError: when its folder does not exist.
    """
    if path.exists():
        raise ConflictError(f"{path} exists already; give another name for the backup, nothing was changed")
    if not path.parent.is_dir():
        raise NotFoundError(f"the folder {path.parent} does not exist; make it, or give another name for the backup")
    scratch = path.with_name(f".{path.name}.new")
    try:
        with scratch.open("wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                writer = ArchiveWriter(tar)
                yield writer
                table = {"format": FORMAT, "run": run, "files": writer.files}
                data = json.dumps(table).encode()
                member = tarfile.TarInfo(_TABLE)
                member.size = len(data)
                tar.addfile(member, BytesIO(data))
            file.flush()
            os.fsync(file.fileno())
        scratch.chmod(0o600)  # names of people are in it
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


class ArchiveReader:
    """An archive whose table and names have been checked; the content is checked as it is copied out.

    Args:
        tar: open to read.
        path: of the archive, for sentences.

    Raises:
        ConflictError: when a newer version has made it.
        DamagedError, InvalidInputError: when it is damaged, or holds what no backup holds.
    """

    def __init__(self, tar: tarfile.TarFile, path: Path) -> None:
        self._tar, self._path = tar, path
        self._members = {member.name: member for member in tar.getmembers()}
        if len(self._members) != len(tar.getmembers()):
            raise self._damaged("a name is in it twice")
        table = self._table()
        self.run = str(table["run"])
        self.files: dict[str, Any] = table["files"]
        for name in self._members:
            self._check_name(name)
        if self._members.keys() != self.files.keys() | {_TABLE}:
            raise self._damaged("its files are not those of its table")

    def copy(self, name: str, target: Path) -> None:
        """Copies a file out of the archive; its folder is made.

        Raises:
            DamagedError: when its content is not what the table says.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for chunk in self._chunks(name):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())

    def _chunks(self, name: str) -> Iterator[bytes]:
        source, whole, size = self._tar.extractfile(self._members[name]), hashlib.sha256(), 0
        assert source is not None
        while chunk := source.read(_CHUNK):
            whole.update(chunk)
            size += len(chunk)
            yield chunk
        if whole.hexdigest() != self.files[name]["sha256"] or size != self.files[name]["bytes"]:
            raise self._damaged(f"{name} is not what was saved")

    def _table(self) -> dict[str, Any]:
        member = self._members.get(_TABLE)
        if member is None or not member.isreg() or member.size > _MOST_TABLE:
            raise self._damaged(f"it has no {_TABLE}")
        source = self._tar.extractfile(member)
        assert source is not None
        try:
            table = json.loads(source.read())
            version = int(table["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(f"its {_TABLE} cannot be read") from error
        if version > FORMAT:
            raise ConflictError(
                f"the backup {self._path} has format {version}, and this version knows {FORMAT}; install the version that"
                " made it, or a newer one"
            )
        if not isinstance(table.get("run"), str) or not isinstance(table.get("files"), dict):
            raise self._damaged(f"its {_TABLE} names no run or no files")
        if not all(_is_fact(fact) for fact in table["files"].values()):
            raise self._damaged(f"its {_TABLE} has no digests")
        return dict(table)

    def _check_name(self, name: str) -> None:
        if name == _TABLE:
            return
        parts = PurePosixPath(name).parts
        plain = name == "/".join(parts) and len(parts) > 1 and parts[0] in _TOPS and ".." not in parts
        if not plain or "\0" in name or not self._members[name].isreg():
            raise InvalidInputError(
                f"the backup {self._path} holds {name!r}, which no backup holds; use a file that `active-labeler backup` made"
            )

    def _damaged(self, what: str) -> DamagedError:
        return DamagedError(f"the backup {self._path} is damaged: {what}; use another copy of it")


def _is_fact(fact: Any) -> bool:
    return (
        isinstance(fact, dict)
        and isinstance(fact.get("bytes"), int)
        and isinstance(fact.get("sha256"), str)
        and _SHA256.fullmatch(fact["sha256"]) is not None
    )


@contextmanager
def reading(path: Path) -> Iterator[ArchiveReader]:
    """An archive to read.

    Raises:
        NotFoundError: when there is none.
        DamagedError: when it is no archive, or cut off.
    """
    if not path.is_file():
        raise NotFoundError(f"there is no backup {path}; give a file that `active-labeler backup` made")
    try:
        with tarfile.open(path, mode="r:") as tar:
            yield ArchiveReader(tar, path)
    except (tarfile.TarError, EOFError) as error:
        raise DamagedError(
            f"the backup {path} cannot be read ({error}): it is cut off, or no backup; use another copy of it"
        ) from error
