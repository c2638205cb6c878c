"""Tables and a picture of all courses."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.labels.course import BATCH, SEEDS, Course

Results = dict[str, dict[str, dict[tuple[int, int], Course]]]  # data set -> arm -> (class, seed) -> course
_DRAWS = 2000


def difference(ours: dict[tuple[int, int], Course], other: dict[tuple[int, int], Course]) -> tuple[float, float, float]:
    """Mean paired difference of the share found at the end, and the 95 % interval of a bootstrap over the classes."""
    keys = sorted(set(ours) & set(other))
    classes = sorted({number for number, _ in keys})
    of_class = [[ours[key].found[-1] - other[key].found[-1] for key in keys if key[0] == number] for number in classes]
    rng = np.random.default_rng(0)
    means = np.array([np.mean(values) for values in of_class])
    draws = means[rng.integers(0, len(means), (_DRAWS, len(means)))].mean(axis=1)
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(means.mean()), float(low), float(high)


def table(name: str, arms: dict[str, dict[tuple[int, int], Course]]) -> list[str]:
    """Lines of Markdown for one data set; ``ours`` is the arm that others are compared with."""
    labels = next(iter(arms["ours"].values())).labels
    lines = [
        f"### {name}",
        "",
        f"| arm | runs | found at {labels} | ours − it, 95 % | labels to 50 / 80 / 90 / 95 % | area"
        f" | curated at 100: precision, recall | at {labels} |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for arm, courses in arms.items():
        every = list(courses.values())
        paired = ""
        if arm != "ours":
            mean, low, high = difference(arms["ours"], courses)
            paired = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
        to = " / ".join(_median([course.labels_to(share) for course in every]) for share in (0.5, 0.8, 0.9, 0.95))
        found = np.mean([course.found[-1] for course in every])
        area = np.mean([np.mean(course.found) for course in every])
        curated = [
            f"{np.mean([c.precision[at] for c in every]):.2f}, {np.mean([c.recall[at] for c in every]):.2f}"
            for at in (0, 1)
        ]
        lines.append(
            f"| {arm} | {len(every)} | {found:.3f} | {paired} | {to} | {area:.3f} | {curated[0]} | {curated[1]} |"
        )
    return [*lines, ""]


def _median(labels: list[float]) -> str:
    middle = float(np.median(labels))
    return f"{middle:.0f}" if np.isfinite(middle) else "-"


def plot(results: Results, file: Path) -> None:
    """Share found against labels, one panel a data set."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = -(-len(results) // 3)
    figure, panels = plt.subplots(rows, 3, figsize=(13, 3.6 * rows), sharex=True, sharey=True, squeeze=False)
    for panel, (name, arms) in zip(panels.flat, results.items(), strict=False):
        for arm, courses in arms.items():
            mean = np.mean([course.found for course in courses.values()], axis=0)
            panel.plot(SEEDS + BATCH * np.arange(len(mean)), mean, label=arm, linewidth=2.5 if arm == "ours" else 1.2)
        panel.set_title(name)
    for panel in panels.flat[len(results) :]:
        panel.axis("off")
    panels.flat[0].set_ylabel("share of all positives found")
    handles, names = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="lower right")
    figure.supxlabel("labels")
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=90)
    plt.close(figure)
