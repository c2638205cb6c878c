"""scikit-learn's handwritten digits as a folder of PNG files, the way a person's own images would lie there.

The data: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SIDE = 64  # pixels of the square files; the originals have 8
_INK = 16  # brightest value of the originals


def write_digits(folder: Path, seed: int = 0) -> int:
    """Writes 1,797 greyscale PNG files of 64 x 64 pixels and returns their number.

    They are named ``0042_three.png``: the number is drawn at random, so that the order of names says nothing about classes;
    the word is the truth that simulated labels are read from.

    Args:
        folder: made when it is missing.
        seed: of the shuffling.
    """
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    folder.mkdir(parents=True, exist_ok=True)
    numbers = np.random.default_rng(seed).permutation(len(classes))
    for row, number in enumerate(numbers):
        picture(pixels[row]).save(folder / f"{number:04d}_{WORDS[classes[row]]}.png")
    return len(classes)


def picture(ink: NDArray[np.float64]) -> Image.Image:
    """The 64 values (0-16) of one digit as a greyscale image, enlarged smoothly."""
    grey = (ink.reshape(8, 8) * (255 / _INK)).astype(np.uint8)
    return Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
