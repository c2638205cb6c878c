"""The demo's images: all there, named with their class, in an order that says nothing about it."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from demo.digits import SIDE, WORDS, write_digits


def test_digits_are_all_written_with_their_class(tmp_path: Path) -> None:
    assert write_digits(tmp_path / "Unlabeled") == 1797
    files = sorted((tmp_path / "Unlabeled").iterdir())
    classes = [path.stem.split("_")[1] for path in files]
    assert len(files) == 1797
    assert set(classes) == set(WORDS)
    assert min(Counter(classes).values()) >= 174  # as the data set's description says
    with Image.open(files[0]) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "L", (SIDE, SIDE))
        assert np.asarray(image).std() > 20


def test_order_of_names_says_nothing_about_classes(tmp_path: Path) -> None:
    write_digits(tmp_path)
    classes = [path.stem.split("_")[1] for path in sorted(tmp_path.iterdir())]
    equal_neighbours = sum(one == other for one, other in pairwise(classes))
    assert equal_neighbours < 0.15 * len(classes)


def test_a_seed_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    names = []
    for number, seed in enumerate((1, 1, 2)):
        write_digits(tmp_path / str(number), seed)
        names.append({path.name: path.read_bytes() for path in (tmp_path / str(number)).iterdir()})
    assert names[0] == names[1]
    assert names[0].keys() != names[2].keys()
