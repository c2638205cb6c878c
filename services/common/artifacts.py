"""The artifact store: immutable files, named in messages by path, SHA-256 and size.

An artifact is written to a temporary name, synced, renamed, and only then mentioned. A reader checks the digest before it
trusts one: a damaged Annoy file would kill the process that opens it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from protos.common_pb2 import Artifact
from protos.errors import DamagedError, InvalidInputError, NotFoundError
from services.common.leftovers import temporary, tidy_beside

_CHUNK = 1 << 20
_NOTE = ".sha256"  # beside each file: its digest and size, so that it is found by name alone
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
# A run takes what its journal names for made, and makes it again only without the journal. Labels are kept elsewhere, by numbers
# of images: they are refused where the folder would be listed otherwise than when the run began.
REMEDY = (
    "put it back from a copy, or, where the folder of images is as it was when the run began, delete journal.jsonl in the runtime"
    " folder of the run and resume: all is computed again, and no label is lost"
)


def digest_of(*parts: str | bytes | int | float) -> str:
    """SHA-256 of the parts, each with its length before it; the name of work by its inputs."""
    whole = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        whole.update(len(data).to_bytes(8, "little"))
        whole.update(data)
    return whole.hexdigest()


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a whole file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ArtifactStore:
    """A folder of immutable files, shared by all services of a stack.

    Args:
        root: the folder; made when it is missing.

    Raises:
        InvalidInputError: when it cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInputError(f"the folder {root} of the artifacts cannot be made: {error.strerror}") from error
        self._trusted: dict[str, tuple[int, int, int, str]] = {}

    def open(self, artifact: Artifact) -> Path:
        """The verified local path of an artifact, to be read or memory-mapped.

        Raises:
            NotFoundError: when there is no such file.
            DamagedError: when its size or digest is another than the reference says.
        """
        path = self._path(artifact.path)
        try:
            about = path.stat()
        except OSError as error:
            raise self._missing(artifact.path) from error
        if not stat.S_ISREG(about.st_mode):
            raise self._missing(artifact.path)
        state = (about.st_ino, about.st_mtime_ns, about.st_size, artifact.sha256)
        if self._trusted.get(artifact.path) == state and about.st_size == artifact.bytes:
            return path
        if about.st_size != artifact.bytes or sha256_of_file(path) != artifact.sha256:
            raise DamagedError(
                f"artifact {artifact.path} is damaged: its {about.st_size} bytes are not the {artifact.bytes} with digest"
                f" {artifact.sha256[:12]}; {REMEDY}"
            )
        self._trusted[artifact.path] = state
        return path

    def find(self, name: str) -> Artifact | None:
        """The artifact that was published under ``name``, or None where there is none, or a damaged one."""
        path = self._path(name)
        try:
            digest, size = self._note(path).read_text().split()
            found = Artifact(path=name, sha256=digest, bytes=int(size))
            self.open(found)
        except (OSError, ValueError, DamagedError, NotFoundError):
            return None
        return found

    @contextmanager
    def writing(self, name: str) -> Iterator[Writing]:
        """Publishes a file under ``name`` when the block ends without an exception.

        Write to ``.path`` of what is yielded; afterwards ``.artifact`` is the reference of what stands under the name. That
        is what was published first: a name stands for one content, so a second writer's file is dropped.
        """
        final = self._path(name)
        final.parent.mkdir(parents=True, exist_ok=True)
        writing = Writing(temporary(self.root, final))
        writing.path.touch(0o600, exist_ok=False)
        try:
            yield writing
            writing.artifact = self._publish(writing.path, final, name)
        finally:
            writing.path.unlink(missing_ok=True)

    def put(self, name: str, data: bytes) -> Artifact:
        """Publishes bytes under ``name``."""
        with self.writing(name) as writing:
            writing.path.write_bytes(data)
        return writing.artifact

    def put_file(self, name: str, source: Path) -> Artifact:
        """Publishes a copy of a file from outside under ``name``."""
        with self.writing(name) as writing, source.open("rb") as file, writing.path.open("wb") as copy:
            _copy(file, copy)
        return writing.artifact

    def once(self, name: str, write: Callable[[Path], object]) -> tuple[Artifact, bool]:
        """The artifact ``name``, written by ``write(path)`` unless it is published already; and whether it was written."""
        found = self.find(name)
        if found is not None:
            return found, False
        with self.writing(name) as writing:
            write(writing.path)
        return writing.artifact, True

    def remove(self, name: str) -> None:
        """Takes away what was published under ``name``, if anything; who has mapped it can still read it."""
        path = self._path(name)
        if path.parent.is_dir():
            with _locked(path.parent):
                self._note(path).unlink(missing_ok=True)
                path.unlink(missing_ok=True)

    def _publish(self, written: Path, final: Path, name: str) -> Artifact:
        """The first writer wins: whoever holds its reference must never find other bytes under the name."""
        with written.open("rb+") as file:
            os.fsync(file.fileno())
        written.chmod(0o644)
        artifact = Artifact(path=name, sha256=sha256_of_file(written), bytes=written.stat().st_size)
        with _locked(final.parent) as folder:
            earlier = self.find(name)
            if earlier is not None:
                return earlier
            written.replace(final)
            note = self._note(final)
            scratch = note.with_name(f"{written.name}.note")
            scratch.write_text(f"{artifact.sha256} {artifact.bytes}\n")
            scratch.replace(note)
            os.fsync(folder)
        return artifact

    def _missing(self, name: str) -> NotFoundError:
        return NotFoundError(f"artifact {name} is not in the store {self.root}; {REMEDY}")

    def _path(self, name: str) -> Path:
        parts = PurePosixPath(name).parts
        well_formed = name == "/".join(parts) and all(_PART.fullmatch(part) for part in parts)
        if not parts or not well_formed or name.endswith(_NOTE):
            raise InvalidInputError(
                f"{name!r} is no name of an artifact: letters, digits, '.', '_', '-' between '/', not ending in {_NOTE}"
            )
        return self.root.joinpath(*parts)

    @staticmethod
    def _note(path: Path) -> Path:
        return path.with_name(f"{path.name}{_NOTE}")


def open_store(root: Path) -> ArtifactStore:
    """The store of a service that begins its work; what killed services have left unfinished there is removed.

    Raises:
        InvalidInputError: when the folder cannot be made.
    """
    store = ArtifactStore(root)
    tidy_beside(root)
    return store


class Writing:
    """A file on its way into the store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.artifact = Artifact()


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    while chunk := source.read(_CHUNK):
        target.write(chunk)


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Holds the folder against other writers, in this process and in others; yields its descriptor."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)
