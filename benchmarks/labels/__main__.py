"""``python -m benchmarks.labels [--cifar FOLDER] [--quick] [--out FOLDER]``: all arms and data sets, or those named.

Each course is kept as a line of ``courses.jsonl``, so that an interrupted benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import torch

from benchmarks.labels.arms import ARMS, OURS, PACKAGES, SLOW, Task
from benchmarks.labels.course import BATCH, CURATED, LABELS, Course, run
from benchmarks.labels.pools import Pool, all_pools
from benchmarks.labels.report import Results, plot, table

SEEDS = 5


def main(arguments: list[str] | None = None) -> None:
    """Runs what is missing, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifar", type=Path, help="folder with vectors.npy and paths.txt of CIFAR's test images")
    parser.add_argument("--quick", action="store_true", help="one seed for each class")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="so many for each class")
    parser.add_argument(
        "--labels", type=int, default=LABELS, help="how many each run ends with, the 20 of the seed set among them"
    )
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS), help="only these, and ours")
    parser.add_argument("--data", nargs="+", default=[""], help="only data sets whose names hold one of these words")
    parser.add_argument("--out", type=Path, default=Path("build/bench-labels"))
    asked = parser.parse_args(arguments)
    if asked.seeds < 1:
        parser.error(f"--seeds is {asked.seeds}; it takes at least one")
    if asked.labels <= CURATED or asked.labels % BATCH:
        parser.error(f"--labels is {asked.labels}; runs end with a multiple of {BATCH} above {CURATED}")
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    kept = _Kept(asked.out / "courses.jsonl")
    arms = [arm for arm in _installed() if arm in (*asked.arms, OURS)]
    results: Results = {}
    for name, pools in all_pools(asked.cifar):
        if not any(word in name for word in asked.data):
            continue
        results[name] = {arm: {} for arm in arms}
        for number, pool in enumerate(pools):
            for seed in range(1 if asked.quick else asked.seeds):
                _courses((name, number, seed, asked.labels), pool, results[name], kept)
        print("\n".join(table(name, results[name])), flush=True)
    if not results:
        parser.error(f"no data set's name holds {' or '.join(asked.data)}")
    plot(results, asked.out / "label-efficiency.png")


def _courses(
    wanted: tuple[str, int, int, int], pool: Pool, arms: dict[str, dict[tuple[int, int], Course]], kept: _Kept
) -> None:
    name, number, seed, labels = wanted
    task = None
    for arm, courses in arms.items():
        if seed and arm in SLOW:
            continue
        course = kept.find(name, arm, number, seed, labels)
        if course is None:
            task = task or Task(pool, 1000 * number + seed)
            start = time.monotonic()
            course = run(task, ARMS[arm], labels)
            kept.add((name, arm, number, seed), course, time.monotonic() - start)
        courses[number, seed] = course


def _installed() -> list[str]:
    """The arms that can run; of other libraries those that are here."""
    absent = [package for package in PACKAGES.values() if find_spec(package) is None]
    if absent:
        print(f"without {' and '.join(absent)}: pip install modAL-python scikit-activeml brings them")
    return [arm for arm in ARMS if PACKAGES.get(arm) not in absent]


class _Kept:
    def __init__(self, file: Path) -> None:
        self._file = file
        lines = file.read_text().splitlines() if file.exists() else []
        entries = [json.loads(line) for line in lines]
        courses = ((entry["key"], _course(entry["course"])) for entry in entries)
        self._known = {(*key, course.labels): course for key, course in courses}

    def find(self, *key: str | int) -> Course | None:
        """A course that was run before, by data set, arm, class, seed and how many labels it ended with."""
        return self._known.get(key)

    def add(self, key: tuple[str, str, int, int], course: Course, seconds: float) -> None:
        """Keeps a course."""
        entry = {"key": key, "seconds": round(seconds, 2), "course": asdict(course)}
        with self._file.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def _course(values: dict[str, list[float]]) -> Course:
    precision, recall = values["precision"], values["recall"]
    return Course(values["found"], (precision[0], precision[1]), (recall[0], recall[1]))


if __name__ == "__main__":
    main()
