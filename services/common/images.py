"""An image file's bytes -> pixels, safely: whatever is wrong with a file is one short sentence, never a crash.

One reader for all: the embedder, the page, fine-tuning and the final model. The format is told by the content. Decoding is exact:
what Pillow's ``open`` and ``convert("RGB")`` give, at full size. The one exception are images of more than 8 bits a channel,
which that would clip to white or cut to black. Whether images are rotated by EXIF is up to who asks: people want it, and an
encoder says whether it does.
"""

from __future__ import annotations

import io
import stat
import threading
import warnings
from contextlib import AbstractContextManager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from protos.errors import InvalidInputError
from services.common import deep, rasters

LIMIT_PIXELS = 178_956_970  # where Pillow itself refuses to go on
LIMIT_BYTES = 512 * 1024 * 1024
_LARGE_PIXELS = 25_000_000
# Pillow knows many more formats; EPS among them starts Ghostscript.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF", "JPEG2000", "HEIF")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_ORIENTATION = 274  # the tag of EXIF
_ORIENTED = (b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/")  # a JPEG without either has no orientation
_one_large = threading.Lock()
# Half-way to its limit Pillow warns on whatever terminal there is. Ours is the same limit, and a scene may come near it.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")  # of a damaged EXIF


def one_large_at_a_time() -> AbstractContextManager[Any]:
    """Held while a large image is decoded: several in several threads would fill the memory. Processes put a wider lock here."""
    return _one_large


class UnreadableImageError(InvalidInputError):
    """A file that is no image, or a damaged, endless or too large one; the text is the reason without the file's name."""


def decode(
    data: bytes, limit_pixels: int = LIMIT_PIXELS, limit_bytes: int = LIMIT_BYTES, upright: bool = False
) -> Image.Image:
    """The image in ``data``, mode RGB, 8 bits a channel; the first frame where there are several.

    Images of 16 or 32 bits or floating point are stretched so that their 0.5th and 99.5th percentiles become 0 and 255, unless
    their values fit 0-255 as they are.

    Args:
        data: the whole file.
        limit_pixels: larger images are refused before any memory is taken for them.
        limit_bytes: larger files are refused.
        upright: rotate as EXIF says, where that can be read.

    Raises:
        UnreadableImageError: with the reason.
    """
    if not data:
        raise UnreadableImageError("the file is empty")
    if len(data) > limit_bytes:
        raise UnreadableImageError(f"{len(data)} bytes are more than the limit of {limit_bytes}")
    try:
        with Image.open(io.BytesIO(data), formats=_known_formats()) as image:
            width, height = image.size
            if width * height > limit_pixels:
                raise UnreadableImageError(f"{width} x {height} pixels are more than the limit of {limit_pixels}")
            if width * height <= _LARGE_PIXELS:
                return _pixels_of(data, image, upright)
            with one_large_at_a_time():  # several of them in several threads would fill the memory
                return _pixels_of(data, image, upright)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError:
        return _decode_uncommon(data, limit_pixels)
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(f"more than the limit of {limit_pixels} pixels ({error})") from None
    except Exception as error:  # a mutated file raises anything: SyntaxError, struct.error, EOFError, MemoryError, ...
        raise _damaged(error) from None


def _pixels_of(data: bytes, image: Image.Image, upright: bool) -> Image.Image:
    if deep.is_one_of_many_bands(image):
        raise UnidentifiedImageError
    colour = deep.colour_of_16_bits(data, image, lambda file: Image.open(file, formats=_known_formats()))
    if colour is None:
        return to_rgb(image, upright)
    return _turned(_with_orientation(colour, image)) if upright else colour


def may_be_turned(data: bytes) -> bool:
    """Whether a file of JPEG holds what could say an orientation."""
    return any(mark in data for mark in _ORIENTED)


def turned_as_said(pixels: Image.Image, data: bytes) -> Image.Image:
    """Pixels that were decoded from the file ``data`` in another way, rotated as its EXIF says, where that can be read."""
    if not may_be_turned(data):
        return pixels
    try:
        with Image.open(io.BytesIO(data), formats=_known_formats()) as image:
            return _turned(_with_orientation(pixels, image))
    except Exception:  # a damaged EXIF raises anything
        return pixels


def _turned(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # as above; the pixels are good
        return image


def _with_orientation(pixels: Image.Image, image: Image.Image) -> Image.Image:
    pixels.getexif()[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)
    return pixels


def _decode_uncommon(data: bytes, limit_pixels: int) -> Image.Image:
    """What Pillow alone does not know, where something is installed that does.

    Raises:
        UnreadableImageError: with the reason.
    """
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS and not _heif_available():
        raise UnreadableImageError("HEIC images need one more package: pip install 'active-labeler[heic]'")
    if not rasters.looks_like(data):
        raise UnreadableImageError(f"no image of a known format, it starts with {data[:12]!r}")
    if not rasters.AVAILABLE:
        raise UnreadableImageError("a TIFF of this kind needs one more package: pip install 'active-labeler[geotiff]'")
    try:
        with one_large_at_a_time():
            return rasters.decode_raster(data, limit_pixels)
    except (rasters.UnreadableRasterError, deep.NoFiniteValueError) as error:
        raise UnreadableImageError(str(error)) from None
    except Exception as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> UnreadableImageError:
    text = " ".join(str(error).split())[:160] or "no details"
    return UnreadableImageError(f"damaged image: {text} ({type(error).__name__})")


def to_square(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """The image as uint8 [size, size, 3], by Pillow's bilinear filter; the aspect ratio is not kept."""
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR), dtype=np.uint8)


def read_file(path: Path, limit_bytes: int = LIMIT_BYTES) -> bytes:
    """The bytes of an image file.

    Raises:
        UnreadableImageError: when it is gone, forbidden, no regular file or too large.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImageError("no regular file")
        if status.st_size > limit_bytes:
            raise UnreadableImageError(f"{status.st_size} bytes are more than the limit of {limit_bytes}")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableImageError(f"the file cannot be read: {reason}") from None


def size_of(path: Path) -> tuple[int, int]:
    """Width and height in pixels as the image file says, without rotation by EXIF; its pixels are not read.

    Raises:
        UnreadableImageError: with the reason.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableImageError("no regular file")
        with Image.open(path, formats=_known_formats()) as image:
            return image.size
    except UnreadableImageError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        return _size_of_raster(path, error)
    except Exception as error:  # a mutated file raises anything
        raise UnreadableImageError(f"no image of a known format ({type(error).__name__})") from None


def _size_of_raster(path: Path, error: Exception) -> tuple[int, int]:
    try:
        if rasters.AVAILABLE:
            return rasters.size_of(path)
    except Exception as problem:
        error = problem
    raise UnreadableImageError(f"no image of a known format ({type(error).__name__})") from None


@cache
def _heif_available() -> bool:
    if find_spec("pillow_heif") is None:
        return False
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)
    return True


@cache
def _known_formats() -> list[str]:
    Image.init()
    _heif_available()
    return [name for name in _FORMATS if name in Image.OPEN]


def to_rgb(image: Image.Image, upright: bool = False) -> Image.Image:
    """An opened image as `decode` gives it.

    Raises:
        UnreadableImageError: when no pixel has a finite value.
    """
    image.load()
    turned = _turned(image) if upright else image
    if deep.is_deep(turned):
        try:
            turned = deep.stretched(turned)
        except deep.NoFiniteValueError as error:
            raise UnreadableImageError(str(error)) from None
    elif turned.mode == "P" and "transparency" in turned.info:
        turned.info.pop("transparency")  # colours stay as they are; Pillow would only warn
    # What was turned is a copy already; another one would take as much memory again.
    return turned if turned.mode == "RGB" and turned is not image else turned.convert("RGB")
