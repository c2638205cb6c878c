"""The picture of a run."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from orchestrator.outputs.plot import Course, plot_course
from protos.errors import InvalidInputError

BLUE, RUST = (0, 114, 178), (184, 74, 0)


def pixels_of(path: Path, colour: tuple[int, int, int]) -> int:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return int((np.asarray(image.convert("RGB")) == colour).all(axis=2).sum())


def test_the_course_is_drawn_and_the_random_line_only_where_truth_is_known(tmp_path: Path) -> None:
    plot_course(tmp_path / "known.png", Course([20, 40], [5, 20], 100, 30, "cats"))
    plot_course(tmp_path / "unknown.png", Course([20, 40], [5, 20], 100))
    assert pixels_of(tmp_path / "known.png", BLUE) > 500
    assert pixels_of(tmp_path / "known.png", RUST) > 200
    assert pixels_of(tmp_path / "unknown.png", BLUE) > 500
    assert pixels_of(tmp_path / "unknown.png", RUST) == 0


@pytest.mark.parametrize(
    "course",
    [
        Course([], [], 10),
        Course([], [], 0, 0),
        Course([0], [0], 10, 0),
        Course([1], [1], 1, 1, "$\\frac{1$"),
        Course([5_000_000], [1], 10**7, 10**6, "a\nb " * 200),
    ],
)
def test_odd_runs_are_drawn_too(tmp_path: Path, course: Course) -> None:
    plot_course(tmp_path / "p.png", course)
    assert pixels_of(tmp_path / "p.png", (255, 255, 255)) > 1000


def test_equal_runs_give_equal_pictures_and_no_global_state(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        plot_course(tmp_path / name, Course([20], [3], 100, 10))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    pyplot = sys.modules.get("matplotlib.pyplot")  # somebody else may have imported it
    assert pyplot is None or pyplot.get_fignums() == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.png").mkdir()
    with pytest.raises(InvalidInputError, match=r"p\.png cannot be written"):
        plot_course(tmp_path / "p.png", Course([1], [1], 2))
