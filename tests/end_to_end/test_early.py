"""People label while the images are embedded: a whole run whose embedder waits, killed on the way, resumed and replayed."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest

from tests.end_to_end.test_continuous_run import answer_question, page_of, steps_of
from tests.support.annotator import Annotator
from tests.support.command import HOG, kill, run_command, start_command
from tests.support.embedder_process import free_ports, start, stop, wait_ready
from tests.support.pictures import draw_data_set

pytestmark = pytest.mark.slow
T = TypeVar("T")
POSITIVES, IMAGES = 30, 150


class Place:
    """A data set, and an embedder that does nothing before it is let."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.gate, self.artifacts = folder, folder / "gate", folder / "store"
        draw_data_set(folder / "data", positives=POSITIVES, negatives=IMAGES - POSITIVES)
        broken = sorted((folder / "data" / "Unlabeled").iterdir())[::25]
        for path in broken:
            path.write_bytes(b"no image")
        self.readable = IMAGES - len(broken)
        self.positives = POSITIVES - sum("ring" in path.name for path in broken)
        (port,) = free_ports(1)
        self.embedder = start(port, self.artifacts, way=str(self.gate))
        wait_ready(self.embedder)
        self.environment = {
            "ACTIVE_LABELER_ENDPOINTS__EMBEDDER": f"127.0.0.1:{port}",
            "ACTIVE_LABELER_ARTIFACTS": str(self.artifacts),
        }

        self.process: subprocess.Popen[str] | None = None

    def begin(self, *command: str | Path) -> Annotator:
        """Starts a command, and somebody who labels on its page."""
        output = self.folder / "output.txt"
        printed = len(output.read_text()) if output.exists() else 0
        self.process = start_command(*command, "--port", "0", cwd=self.folder, **self.environment)
        return Annotator(page_of(self.folder, self.process, printed), "ann")

    def end(self) -> None:
        """Kills the run, if it is at work, and the embedder."""
        if self.process is not None and self.process.poll() is None:
            kill(self.process.pid)
            self.process.wait()
        stop([self.embedder])

    def wait(self, look: Callable[[], T | None]) -> T:
        """What ``look`` finds."""
        end = time.monotonic() + 120
        while not (found := look()):
            assert time.monotonic() < end, (self.folder / "output.txt").read_text()
            time.sleep(0.1)
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.end()


def test_answers_while_the_images_are_embedded_bound_how_many_there_are(place: Place) -> None:
    sets = ["precision=fp32", "backend=torch", "decode=exact"]
    encoder = [part for one in sets for part in ("--set", f"encoder.{one}")]
    wishes = ["--set", "labeling.while_embedding=on", "--seed-count", "10", "--sample-size", "5"]
    wishes += ["--set", "seed_set.repeats=0", "--set", "labeling.second_opinions=0"]
    ann = place.begin("run", *HOG, *encoder, *wishes, "--data", place.folder / "data")
    for _ in range(30):
        assert ann.answer()
        assert ann.last["round"] == 0
    drawn = steps_of(place.folder)["early/draw"]
    ann.http.post(f"api/runs/{ann.run}/sync", json={"client": ann.client, "leave": True}).raise_for_status()
    assert place.process is not None
    kill(place.process.pid)
    place.process.wait()
    told = run_command("status", "runtime", cwd=place.folder).stdout
    assert "last step   early/draw\n" in told
    assert "next        embed the images\n" in told

    again = place.begin("resume", "runtime")
    again.client = "another0"
    for _ in range(30):
        assert again.answer()
    assert steps_of(place.folder)["early/draw"] == drawn
    assert [*ann.said, *again.said] == drawn["items"][:60]
    again.sync(want=3)
    in_hand = [card["item"] for card in again.hand]
    assert in_hand
    place.gate.touch()

    place.wait(lambda: bool(again.sync()) and "seed-0/offer" in steps_of(place.folder))
    again.sync()
    assert [card["item"] for card in again.hand][: len(in_hand)] == in_hand, "nobody's card is taken away"
    asked = {pick["item"] for pick in steps_of(place.folder)["seed-0/select"]}
    assert not asked & {*ann.said, *again.said}
    place.wait(lambda: "seed-0/label" in steps_of(place.folder) or (again.answer() and None))
    assert set(again.said) <= {*drawn["items"][:60], *in_hand, *asked}, "what was left of the draw has given way"

    answer_question(again, "round-1/choice", "l")
    place.wait(lambda: "round-1/label" in steps_of(place.folder) or (again.answer() and None))
    place.wait(lambda: (again.loop()["question"] or {}).get("id") == "round-2/choice")
    shown = again.http.get(f"api/runs/{again.run}/dashboard").json()
    low, high = shown["prevalence"]
    assert low <= place.positives / place.readable <= high < 0.6
    assert shown["drawn"] >= 40
    told = run_command("status", "runtime", cwd=place.folder).stdout
    assert re.search(
        rf"positives +[\d.]+ % to [\d.]+ % of all images, by {shown['drawn']} drawn by lot \(95 % confidence\)", told
    ), told
    answer_question(again, "round-2/choice", "q")
    assert place.process.wait(60) == 0, (place.folder / "output.txt").read_text()

    assert f"of {place.readable} images are positive with 95 % confidence" in steps_of(place.folder)["finish"]["report"]
    assert _reasons(place.folder)["prevalence"] >= 60
    told = run_command("status", "runtime", cwd=place.folder).stdout
    assert "drawn by lot (95 % confidence)" in told
    shutil.copytree(place.artifacts, place.folder / "runtime" / "artifacts")  # as an embedded run has them
    replayed = run_command("replay", "runtime", cwd=place.folder)
    assert replayed.returncode == 0, replayed.stderr
    assert "came out as they were" in replayed.stdout


def _reasons(work: Path) -> dict[str, int]:
    """Why images were asked about, of the answers before round 1."""
    with closing(sqlite3.connect(f"file:{work / 'runtime/labels/labels.sqlite'}?mode=ro", uri=True)) as database:
        return dict(database.execute("SELECT reason, count(*) FROM events WHERE round = 0 GROUP BY reason").fetchall())
