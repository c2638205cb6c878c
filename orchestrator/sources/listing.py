"""Any source -> the images of a catalog: their root on this machine, and relative paths with size and time."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tarfile import is_tarfile
from zipfile import is_zipfile

from orchestrator.reporting import Reporter
from orchestrator.sources.lists import is_list, read_list
from orchestrator.sources.mirror import Mirror
from orchestrator.sources.tiles import in_windows
from protos.errors import InvalidInputError
from services.common.catalog import list_images

Listed = tuple[str, int, int]  # relative path, size, mtime in ns
_ARCHIVES = (
    (is_zipfile, "unzip {file} -d {folder}"),
    (is_tarfile, "mkdir {folder} && tar -xf {file} -C {folder}"),
)
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):/{1,3}(.*)")  # a Path has lost one of two slashes


@dataclass(frozen=True)
class Source:
    """The images of a source, sorted bytewise by path; and what is to be said about it."""

    root: Path
    images: list[Listed]
    notes: list[str] = field(default_factory=list)


def url_of(data: Path | str) -> str | None:
    """The URL in a setting that was read as a path (``s3:/bucket/folder``); None where it is a path."""
    found = _URL.fullmatch(str(data))
    if found is None:
        return None
    return f"{found[1].lower()}://{'/' if found[1].lower() == 'file' else ''}{found[2].lstrip('/')}"


def list_source(data: Path, mirrors: Path, reporter: Reporter, root: Path | None = None, tile: int = 0) -> Source:
    """The images that ``data`` names: a folder, a list of files, or a URL.

    Args:
        data: absolute, or a URL.
        mirrors: folder for copies of what lies elsewhere; all services read them there.
        reporter: hears of downloads.
        root: where relative paths start, once that has been decided.
        tile: side of the windows that larger images are cut into; 0: none are.

    Raises:
        NotFoundError: when it is not there.
        InvalidInputError: when there is no image in it, or it cannot be read.
        UnavailableError: when the place elsewhere cannot be reached.
    """
    source = _list_whole(data, mirrors, reporter, root)
    return replace(source, images=in_windows(source.root, source.images, tile)) if tile else source


def _list_whole(data: Path, mirrors: Path, reporter: Reporter, root: Path | None) -> Source:
    url = url_of(data)
    if url is not None:
        mirror = Mirror(mirrors, reporter)
        folder = mirror.folder(url)
        return Source(folder.root, _described(folder.root, folder.files), folder.notes)
    if is_list(data):
        return _of_list(data, mirrors, reporter, root)
    return Source(root := root or folder_root(data), list_images(root))


def folder_root(data: Path) -> Path:
    """`Unlabeled/` in the data folder where there is one, as in the original."""
    return data / "Unlabeled" if (data / "Unlabeled").is_dir() else data


def no_folder(place: Path) -> str:
    """A sentence about a file where a folder of images is wanted; an archive has to be unpacked first."""
    unpack = next((how for is_one, how in _ARCHIVES if is_one(place)), None)
    if unpack is None:
        return f"{place} is a file; give the folder that holds the images"
    name = place.name.partition(".")[0]
    folder = place.with_name(name if name not in ("", place.name) else f"{name or 'images'}-unpacked")
    command = unpack.format(file=shlex.quote(str(place)), folder=shlex.quote(str(folder)))
    return f"{place} is an archive, and images are read from folders: unpack it (`{command}`), and give that folder"


def _of_list(data: Path, mirrors: Path, reporter: Reporter, root: Path | None) -> Source:
    named = read_list(data)
    entries = list(dict.fromkeys(named))
    notes = [f"{len(named) - len(entries)} are in the list twice"] if len(entries) < len(named) else []
    urls = [url for entry in entries if (url := url_of(entry)) is not None]
    if urls and len(urls) < len(entries):
        raise InvalidInputError(
            f"the list {data} mixes files of this machine with URLs; make two runs of it, or copy some"
        )
    if urls:
        files = Mirror(mirrors, reporter).files(urls)
        return Source(files.root, _described(files.root, files.files), [*notes, *files.notes])
    paths = list(dict.fromkeys(os.path.normpath(data.parent / entry) for entry in entries))
    start = root or _common(data.parent, paths)
    relative = [os.path.relpath(path, start) for path in paths]
    outside = next((path for path in relative if path.startswith("../")), None)
    if outside is not None:
        raise InvalidInputError(
            f"{outside} of the list {data} lies outside of {start}, where the paths of this run start; start another run"
        )
    images = _described(start, relative)
    absent = [path for path, _, mtime in images if not mtime]
    if len(absent) == len(images):
        raise InvalidInputError(f"none of the {len(images)} files in the list {data} is there, {absent[0]} for example")
    if absent:
        notes.append(f"{len(absent)} are not there, {absent[0]} for example")
    return Source(start, images, notes)


def _common(folder: Path, paths: list[str]) -> Path:
    """The folder of the list where all lies below it, else the deepest that holds all."""
    if all(path.startswith(f"{folder}/") for path in paths):
        return folder
    return Path(os.path.commonpath([os.path.dirname(path) for path in paths]))  # noqa: PTH120 - a million of them


def _described(root: Path, paths: Iterable[str]) -> list[Listed]:
    """Relative paths with size and time, sorted; what is not there has neither and is set aside by the embedder."""
    return sorted((_describe(root, path) for path in paths), key=lambda entry: os.fsencode(entry[0]))


def _describe(root: Path, path: str) -> Listed:
    try:
        about = os.stat(f"{root}/{path}")  # noqa: PTH116 - a million of them
    except OSError:
        return path, 0, 0
    return (path, about.st_size, about.st_mtime_ns) if stat.S_ISREG(about.st_mode) else (path, 0, 0)
