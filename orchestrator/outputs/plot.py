"""A picture of a run: positives found against labels given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.outputs.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FOUND, _RANDOM, _QUIET = "#0072B2", "#B84A00", "#6B6B6B"


@dataclass(frozen=True)
class Course:
    """How a run went.

    Attributes:
        labels: images labelled so far, at the end of the seed set and of each round.
        positives: of these, positive; the same length.
        images: in the pool at the start.
        true_positives: truly positive images among them; None where that is unknown.
        title: what was looked for, for example "airplane"; may be empty.
    """

    labels: Sequence[int]
    positives: Sequence[int]
    images: int
    true_positives: int | None = None
    title: str = ""


def plot_course(path: Path, course: Course) -> None:
    """Draws the positives found against the labels, as PNG; where the truth is known, also what random labels would find.

    Raises:
        InvalidInputError: when it cannot be written there.
        ExhaustedError: when the disk is full.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes half a second to import
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _draw_random(axes, course)
    _draw_found(axes, course)
    _dress(axes, course)
    with replacing(path) as scratch:
        figure.savefig(scratch, format="png")


def _draw_found(axes: Axes, course: Course) -> None:
    labels, positives = [0, *course.labels], [0, *course.positives]
    axes.fill_between(labels, positives, color=_FOUND, alpha=0.08, linewidth=0)
    axes.plot(labels, positives, color=_FOUND, linewidth=2.2, marker="o", markersize=5, label="found", zorder=3)
    axes.annotate(
        f"{positives[-1]:,} found",
        (labels[-1], positives[-1]),
        xytext=(-8, 8),
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=_FOUND,
        fontweight="bold",
    )


def _draw_random(axes: Axes, course: Course) -> None:
    if course.true_positives is None or not course.images or not course.labels:
        return
    last = course.labels[-1]
    expected = last * course.true_positives / course.images
    axes.plot(
        [0, last], [0, expected], color=_RANDOM, linewidth=1.6, linestyle=(0, (5, 3)), label="labelling at random"
    )
    axes.annotate(
        f"{expected:,.0f} at random",
        (last, expected),
        xytext=(-8, -14),
        textcoords="offset points",
        ha="right",
        va="top",
        color=_RANDOM,
    )


def _dress(axes: Axes, course: Course) -> None:
    from matplotlib.ticker import MaxNLocator

    heading = " ".join(course.title.split())[:80]
    title = axes.set_title(f"Positives found: {heading}" if heading else "Positives found", loc="left")
    title.set(fontweight="bold", parse_math=False)  # a dollar in a name is a dollar
    axes.set_xlabel("images labelled")
    axes.set_ylabel("positive images found")
    if course.true_positives is not None:
        share = f"of {course.true_positives:,} positives among {course.images:,} images"
        axes.set_title(share, loc="right", fontsize=9, color=_QUIET)
    axes.set_xlim(left=0, right=max(1, *course.labels, 1) * 1.03)
    axes.set_ylim(bottom=0, top=max(1, *course.positives, 1) * 1.15)
    axes.grid(axis="y", color="#E4E4E4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#B5B5B5")
    axes.tick_params(colors=_QUIET)
