"""Windows of large scenes: an image may be a part of a file, named ``scene.tif#X,Y,WIDTH,HEIGHT`` in pixels from the upper left.

The name is that of an ordinary relative path wherever images are named, so that labels, tables and exports say where in the scene
an image lies. It is taken apart only where pixels are read.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from services.common import rasters
from services.common.deep import NoFiniteValueError
from services.common.images import LIMIT_PIXELS, UnreadableImageError, decode, read_file
from services.common.images import size_of as size_of_file

_NAME = re.compile(r"(.*)#(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9})", re.DOTALL)


@dataclass(frozen=True)
class Window:
    """A part of a scene, in pixels."""

    x: int
    y: int
    width: int
    height: int


def name_of(path: str, window: Window) -> str:
    """The relative path of a window of the scene at ``path``."""
    return f"{path}#{window.x},{window.y},{window.width},{window.height}"


def is_name(path: str) -> bool:
    """Whether a relative path looks like that of a window, by its name alone."""
    return _NAME.fullmatch(path) is not None


def split(path: Path | str) -> tuple[Path, Window] | None:
    """The scene and the window that a path names; None where it names a whole file."""
    found = _NAME.fullmatch(str(path))
    if found is None or Path(path).exists():  # a file may be called so
        return None
    window = Window(*(int(number) for number in found.groups()[1:]))
    return (Path(found[1]), window) if window.width and window.height else None


def file_of(path: Path) -> Path:
    """The file that an image lies in."""
    found = split(path)
    return found[0] if found else path


def file_name(name: str) -> str:
    """A file name for the pixels of a window: ``scene_x512_y0_512x512.png``; other names stay."""
    found = _NAME.fullmatch(name)
    if found is None:
        return name
    stem = found[1].rpartition(".")[0] or found[1]
    return f"{stem}_x{found[2]}_y{found[3]}_{found[4]}x{found[5]}.png"


def open_image(path: Path, upright: bool = False) -> Image.Image:
    """The image at a path, a window of a scene or a whole file, as `images.decode` gives it. Windows are never rotated.

    Raises:
        UnreadableImageError: with the reason.
    """
    found = split(path)
    return read_window(*found) if found else decode(read_file(path), upright=upright)


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of the image at a path; its pixels are not read.

    Raises:
        UnreadableImageError: with the reason.
    """
    found = split(path)
    return (found[1].width, found[1].height) if found else size_of_file(path)


def read_window(scene: Path, window: Window) -> Image.Image:
    """A window of a scene, mode RGB. Of TIFF files only the parts under the window are read; others are decoded once and kept.

    Deep values are stretched by one rule for all of the scene.

    Raises:
        UnreadableImageError: with the reason.
    """
    if window.width * window.height > LIMIT_PIXELS:
        raise UnreadableImageError(f"a window of {window.width} x {window.height} pixels is more than the limit")
    box = (window.x, window.y, window.x + window.width, window.y + window.height)
    try:
        with scene.open("rb") as file:
            by_parts = rasters.AVAILABLE and rasters.looks_like(file.read(4))
        found = rasters.read_part(scene, box) if by_parts else None
    except (NoFiniteValueError, rasters.UnreadableRasterError) as error:
        raise UnreadableImageError(str(error)) from None
    except OSError as error:
        raise UnreadableImageError(f"the file cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a damaged file raises anything
        raise UnreadableImageError(
            f"damaged image: {' '.join(str(error).split())[:160]} ({type(error).__name__})"
        ) from None
    whole = _whole.of(scene) if found is None else found
    if found is None:
        if box[2] > whole.width or box[3] > whole.height:
            raise UnreadableImageError(f"the window ends at {box[2:]}, the scene at {whole.size}")
        whole = whole.crop(box)
    return whole


class _LastScene:
    """The scene that was decoded last: windows of one scene come one after another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state: tuple[object, ...] = ()
        self._image: Image.Image | None = None

    def of(self, scene: Path) -> Image.Image:
        with self._lock:
            try:
                about = scene.stat()
            except OSError as error:
                raise UnreadableImageError(f"the file cannot be read: {error.strerror}") from None
            state = (scene, about.st_mtime_ns, about.st_size)
            if self._image is None or state != self._state:
                self._image = None  # two of them at a time would be too much
                self._image, self._state = decode(read_file(scene)), state
            return self._image


_whole = _LastScene()
