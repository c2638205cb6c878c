"""Bringing images into a folder of results: copied, or linked where that is wanted and possible."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.common.images import UnreadableImageError
from services.common.windows import read_window, split

log = logging.getLogger(__name__)
_THREADS = 4  # the work is waiting for the disk

Put = Callable[[Path, Path], None]


def copy(source: Path, target: Path) -> None:
    """A copy with the modification time of the original, but writable by its owner."""
    shutil.copyfile(source, target)
    stat = source.stat()
    os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def hardlink(source: Path, target: Path) -> None:
    """The same file under another name; takes no space, but a change of one is a change of both."""
    os.link(source.resolve(), target)


def symlink(source: Path, target: Path) -> None:
    """A link to the whole path of the original; refused for a file that is not there, as the others are."""
    source.stat()
    target.symlink_to(source.absolute())


MODES: dict[str, Put] = {"copy": copy, "hardlink": hardlink, "symlink": symlink}


def transfer(pairs: Sequence[tuple[Path, Path]], mode: str) -> list[Path]:
    """Brings every source to its target; the sources stay as they are.

    A window of a scene is written as an image of its own, PNG, whatever the mode.

    Where links are impossible (another disk, a file system without them), files are copied instead.

    Args:
        pairs: (source, target) of each file; the targets' folders exist.
        mode: "copy", "hardlink" or "symlink".

    Returns:
        Sources that are no longer there or cannot be read, in order; they have no target.

    Raises:
        OSError: when a target cannot be written.
    """
    put = MODES[mode]
    if mode != "copy" and pairs and not _possible(pairs, put):
        log.warning("%ss from %s are not possible here; files are copied", mode, pairs[0][1].parent)
        put = copy

    def bring(pair: tuple[Path, Path]) -> Path | None:
        source, target = pair
        window = split(source)
        try:
            if window is not None:
                read_window(*window).save(target, "PNG", compress_level=1)
            else:
                put(source, target)
        except UnreadableImageError as error:
            log.warning("%s is left out, it cannot be read any more: %s", source, error)
            return source
        except OSError as error:
            if readable(source):
                raise
            log.warning("%s is left out, it cannot be read any more: %s", source, error.strerror)
            target.unlink(missing_ok=True)
            return source
        return None

    with ThreadPoolExecutor(_THREADS) as pool:
        return [source for source in pool.map(bring, pairs) if source is not None]


def readable(path: Path) -> bool:
    """Whether a file can be opened and read."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError:
        return False
    return True


def _possible(pairs: Sequence[tuple[Path, Path]], put: Put) -> bool:
    """Tries with the first file that is still there."""
    for source, target in pairs:
        if split(source) is not None or not readable(source):
            continue
        try:
            put(source, target)
        except (OSError, NotImplementedError):
            return False
        target.unlink()
        return True
    return True
