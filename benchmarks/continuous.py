"""How long from the tenth answer to the new ranking: ``python -m benchmarks.continuous [--images 100000]``.

A whole run by the command line in continuous mode, with its five services, and one annotator who answers over HTTP with the
page's own protocol. Measured is the time from the answer that makes the next head due, as the label log has it, to the
moment when the cards of the new ranking are on offer, as the journal has it.
"""

from __future__ import annotations

import argparse
import os
import re
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from orchestrator.journal import read_entries
from tests.support.annotator import Annotator
from tests.support.command import start_command
from tests.support.pictures import picture
from tests.support.reference_encoders import build, foreign_packages, lightning, save

_DISTINCT = 5_000
_EVERY = 10


def main() -> None:
    """Prints the times of all rounds, their median and their largest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = measure(Path(folder), asked.images, asked.rounds)
    print(f"{asked.images} images of 512 numbers, {os.cpu_count()} cores, {len(times)} rounds")
    print("from the tenth answer to the new ranking, in s: " + " ".join(f"{seconds:.2f}" for seconds in times))
    print(f"median {np.median(times):.2f}, largest {max(times):.2f}; the bar is 1")


def measure(folder: Path, images: int, rounds: int) -> list[float]:
    """Seconds from the answer that made a head due to its ranking, for each round but the first, whose clusters are made."""
    make_data(folder / "data", images)
    rng = np.random.default_rng(1)
    picture("ring", rng).save(folder / "reference.png")
    with foreign_packages():
        save(folder / "encoder.ckpt", lightning(build("minicnn512"), 512))
    more = [
        "--set",
        "encoder.image_size=32",
        "--set",
        "seed_set.repeats=0",
        "--set",
        f"labeling.retrain_after={_EVERY}",
        "--set",
        "labeling.while_embedding=off",  # a thousand answers more would be there before the first ranking
    ]
    arguments: list[str | Path] = [
        "--data",
        folder / "data",
        "--reference",
        folder / "reference.png",
        "--encoder",
        folder / "encoder.ckpt",
    ]
    process = start_command("run", *arguments, "--port", "0", "--seed-count", "20", "--continuous", *more, cwd=folder)
    try:
        label(folder, rounds)
    finally:
        process.terminate()
        process.wait()
    return latencies(folder / "runtime")


def make_data(data: Path, images: int) -> None:
    """Small pictures, one in a hundred of a ring; the same few thousand under many names."""
    data.mkdir()
    rng = np.random.default_rng(0)
    for number in range(images):
        kind = "ring" if number % 100 == 0 else "bar"
        path = data / f"{number:06}_{kind}.jpg"
        if number < _DISTINCT:
            picture(kind, rng).resize((32, 32)).save(path, quality=90)
        else:
            os.link(data / f"{number % _DISTINCT:06}_{kind}.jpg", path)


def label(folder: Path, rounds: int) -> None:
    """Answers until so many rankings were made."""
    while not (found := re.findall(r"for you at (http://127\.0\.0\.1:\d+/)\n", (folder / "output.txt").read_text())):
        time.sleep(0.5)
    annotator = Annotator(found[0], "ann")
    journal = folder / "runtime" / "journal.jsonl"
    while f"round-{rounds + 1}/offer" not in {str(entry["step"]) for entry in read_entries(journal)[0]}:
        annotator.answer()
        time.sleep(0.15)  # six or seven a second: faster than people


def latencies(runtime: Path) -> list[float]:
    """From the journal and the label log."""
    entries = {str(entry["step"]): entry for entry in read_entries(runtime / "journal.jsonl")[0]}
    with closing(sqlite3.connect(f"file:{runtime / 'labels' / 'labels.sqlite'}?mode=ro", uri=True)) as database:
        answered = dict(database.execute("SELECT position, time_ms FROM events"))
    times = []
    number = 2
    while f"round-{number}/offer" in entries:
        due = int(str(entries[f"round-{number - 1}/labels"]["result"])) + _EVERY
        times.append(float(str(entries[f"round-{number}/offer"]["time"])) - answered[due] / 1000)
        number += 1
    return times[1:]


if __name__ == "__main__":
    main()
