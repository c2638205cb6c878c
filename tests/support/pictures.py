"""Small data sets of drawn pictures, with the class in the file name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def draw_data_set(folder: Path, positives: int = 24, negatives: int = 96, size: int = 48, seed: int = 1) -> Path:
    """Writes ``folder/Unlabeled`` with pictures of rings ("ring" in the name) and of bars, in shuffled order.

    Returns:
        the folder.
    """
    rng = np.random.default_rng(seed)
    root = folder / "Unlabeled"
    root.mkdir(parents=True)
    kinds = np.array(["ring"] * positives + ["bar"] * negatives)
    rng.shuffle(kinds)
    for number, kind in enumerate(kinds):
        picture(str(kind), rng, size).save(root / f"{number:04d}_{kind}.png")
    return folder


def picture(kind: str, rng: np.random.Generator, size: int = 48) -> Image.Image:
    """A noisy picture of a ring or of a bar, RGB."""
    noise = rng.integers(0, 90, (size, size, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    draw = ImageDraw.Draw(image)
    x, y = rng.integers(size // 4, size // 2, 2).tolist()
    colour = tuple(rng.integers(150, 255, 3).tolist())
    if kind == "ring":
        draw.ellipse((x - 8, y - 8, x + 14, y + 14), outline=colour, width=4)
    else:
        draw.line((x - 8, y + int(rng.integers(-4, 14)), x + 16, y + int(rng.integers(-4, 14))), fill=colour, width=5)
    return image
