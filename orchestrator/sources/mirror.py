"""Files that lie elsewhere (S3, GCS, HTTP, ...: whatever fsspec reaches), copied once to where all services read them.

A copy never changes: an image keeps its content while there is a run. What is there already is not fetched again, so a run that
was killed while it fetched goes on where it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from orchestrator.reporting import Reporter
from protos.errors import ActiveLabelerError, ExhaustedError, InvalidInputError, NotFoundError, UnavailableError
from services.common.catalog import SUFFIXES
from services.common.images import LIMIT_BYTES

_THREADS = 16  # the work is waiting for the network
_TRIES = 3
_RESERVE = 256 * 1024 * 1024  # bytes of the disk that stay free


@dataclass(frozen=True)
class Mirrored:
    """What was copied: the folder, relative paths below it, and what is to be said."""

    root: Path
    files: list[str]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Remote:
    """A file elsewhere: its name there, where its copy goes, and its size (-1: not known)."""

    name: str
    copy: Path
    size: int


class Mirror:
    """Copies files below ``place``, each at ``SCHEME/BUCKET/KEY``.

    Args:
        place: a folder.
        reporter: hears how far the copying is.
    """

    def __init__(self, place: Path, reporter: Reporter) -> None:
        self._place, self._reporter = place, reporter

    def folder(self, url: str) -> Mirrored:
        """All images below a URL.

        Raises:
            NotFoundError: when there is nothing.
            InvalidInputError: when there is no image, or the URL cannot be used.
            UnavailableError: when it cannot be reached.
        """
        system, start = _open(url)
        root = self._copy_of(url)
        found = _asking(url, lambda: system.find(start, detail=True))
        if not found:
            _asking(url, lambda: system.ls(start))  # tells what `find` has kept to itself
            raise NotFoundError(f"there is nothing at {url}; give the URL of a folder with images")
        relative = {name: name.strip("/").removeprefix(start.strip("/")).strip("/") for name in found}
        images = {name: path for name, path in relative.items() if PurePosixPath(path).suffix.lower() in SUFFIXES}
        usable = {name: path for name, path in images.items() if _is_usable(path)}
        if not usable:
            raise InvalidInputError(
                f"there is no image at {url} among {len(found)} files; it takes {', '.join(sorted(SUFFIXES))}"
            )
        wanted = [_Remote(name, root / path, _size(found[name])) for name, path in usable.items()]
        failed = self._fetch(system, url, wanted)
        return Mirrored(root, list(usable.values()), _notes(failed))

    def files(self, urls: Sequence[str]) -> Mirrored:
        """The files at these URLs.

        Raises:
            InvalidInputError: when one cannot be used.
            UnavailableError: when none could be fetched.
        """
        of_system: dict[str, list[str]] = {}
        for url in urls:
            of_system.setdefault(url.split("://")[0], []).append(url)
        failed: list[str] = []
        for scheme, named in of_system.items():
            system, _ = _open(named[0])
            unusable = next((url for url in named if not _is_usable(url.split("://", 1)[1].lstrip("/"))), None)
            if unusable is not None:
                raise InvalidInputError(f"{unusable} is no URL of a file that can be copied; leave it out of the list")
            remotes = [_Remote(system._strip_protocol(url), self._copy_of(url), -1) for url in named]
            failed += self._fetch(system, f"{scheme}://", remotes)
        files = [str(self._copy_of(url).relative_to(self._place)) for url in urls]
        return Mirrored(self._place, files, _notes(failed))

    def _copy_of(self, url: str) -> Path:
        scheme, _, rest = url.partition("://")
        return self._place / scheme / rest.strip("/")

    def _fetch(self, system: Any, url: str, remotes: Iterable[_Remote]) -> list[str]:
        """Copies what is not there yet; returns the names of those that could not be had."""
        wanted = [remote for remote in remotes if not remote.copy.exists()]
        if not wanted:
            return []
        self._place.mkdir(parents=True, exist_ok=True)
        self._check_space(sum(max(remote.size, 0) for remote in wanted if remote.size <= LIMIT_BYTES))
        failed: dict[str, str] = {}
        with self._reporter.bar("Fetching", len(wanted), "files") as bar, ThreadPoolExecutor(_THREADS) as pool:
            answers = pool.map(lambda remote: _fetch_one(system, remote), wanted)
            for done, (remote, reason) in enumerate(zip(wanted, answers, strict=True), start=1):
                if reason:
                    failed[remote.name] = reason
                bar.update(done)
        if len(failed) == len(wanted):
            name, reason = next(iter(failed.items()))
            raise UnavailableError(f"none of {len(wanted)} files at {url} could be fetched; {name}: {reason}")
        return list(failed)

    def _check_space(self, needed: int) -> None:
        free = shutil.disk_usage(self._place).free - _RESERVE
        if needed > free:
            raise ExhaustedError(
                f"the images elsewhere take {needed / 1e9:.1f} GB, and {self._place} has {max(free, 0) / 1e9:.1f} GB left;"
                " make space, or give another --runtime"
            )


def _open(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the name there."""
    try:
        import fsspec
    except ImportError as error:
        raise InvalidInputError(f"{url} needs one more package: pip install 'active-labeler[remote]'") from error
    return _asking(url, lambda: fsspec.core.url_to_fs(url))  # type: ignore[no-any-return]


def _asking(url: str, ask: Callable[[], Any]) -> Any:
    """What the place elsewhere says; whatever goes wrong with it in one sentence."""
    try:
        return ask()
    except FileNotFoundError as error:
        raise NotFoundError(f"there is nothing at {url}; give the URL of a folder with images") from error
    except ActiveLabelerError:
        raise
    except ImportError as error:
        raise InvalidInputError(
            f"{url} needs one more package: {_words(error)} (for s3: active-labeler[s3])"
        ) from error
    except ValueError as error:
        raise InvalidInputError(f"{url} cannot be used: {_words(error)}") from error
    except PermissionError as error:
        raise InvalidInputError(
            f"{url} may not be read: {_words(error)}; look at the credentials of this process"
        ) from error
    except Exception as error:  # each file system has its own: of botocore, aiohttp, gcsfs, ...
        raise UnavailableError(f"{url} cannot be reached: {_words(error)} ({type(error).__name__})") from error


def _fetch_one(system: Any, remote: _Remote) -> str:
    """Copies a file, whole or not at all; returns why it could not be had."""
    scratch = remote.copy.with_name(f".{remote.copy.name}.part")
    reason = ""
    for _ in range(_TRIES):
        try:
            remote.copy.parent.mkdir(parents=True, exist_ok=True)
            size = remote.size if remote.size >= 0 else int(system.size(remote.name) or 0)
            if size > LIMIT_BYTES:  # it will be set aside for its size, whatever is in it
                with scratch.open("wb") as file:
                    file.truncate(size)
            else:
                system.get_file(remote.name, str(scratch))
            scratch.replace(remote.copy)
        except Exception as error:
            reason = _words(error) or type(error).__name__
            if isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError):
                break
        else:
            return ""
    return reason


def _size(about: dict[str, Any]) -> int:
    size = about.get("size")
    return int(size) if size is not None else -1


def _is_usable(path: str) -> bool:
    """Whether a name elsewhere can be one below a folder here: no way out of it, nothing hidden, no null character."""
    parts = path.split("/")
    return (
        bool(path) and "\0" not in path and all(part and not part.startswith(".") and len(part) < 240 for part in parts)
    )


def _notes(failed: Sequence[str]) -> list[str]:
    return [f"{len(failed)} could not be fetched, {failed[0]} for example"] if failed else []


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")
