"""``active-labeler label FOLDER``: people sort a folder by yes and no, without a loop and without a model.

What the swipe labeler of the original does in its folder mode. The images stay where they are; what was answered appears as links
or copies in three folders, and the label log is the truth: whatever was answered is brought there again after a crash.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator import clients
from orchestrator.clients.caller import Caller
from orchestrator.clients.labeler import LabelerClient, Shown
from orchestrator.clients.refs import Pick
from orchestrator.inviting import greet
from orchestrator.labels import LabelLog
from orchestrator.launcher import Launcher
from orchestrator.outputs.sides import SIDES, SideFolders
from orchestrator.reporting import Reporter
from orchestrator.service_settings import read_orchestrator_settings
from orchestrator.settings import EndpointSettings
from orchestrator.sorting_state import SortingState
from orchestrator.sources.listing import no_folder
from protos import rpc
from protos.errors import InvalidInputError, NotFoundError
from protos.labeler_pb2_grpc import LabelerStub

_LOOK_S = 0.3
_LAST_WORD_S = 2.5  # the pages ask every two seconds; then the labeler is gone
_MOST_CARDS = 10_000  # in one message


@dataclass(frozen=True)
class Sorting:
    """What is to be sorted, and how.

    Attributes:
        folder: with the images, nested or not.
        sides: folder of each side, "positive", "negative" and "unsure".
        runtime: folder of the label store.
        mode: how images get into the sides.
        batch_size: images on the page before it stops for a breath.
        host, port, public_url: of the page, as for a run.
    """

    folder: Path
    sides: dict[str, Path]
    runtime: Path
    mode: str = "symlink"
    question: str = ""
    batch_size: int = 5
    host: str = "127.0.0.1"
    port: int = 5000
    public_url: str = ""
    open_browser: bool = True


def default_sides(place: Path) -> dict[str, Path]:
    """The original's folders, below ``place``."""
    names = {"positive": "Labeled_Positive", "negative": "Labeled_Negative", "unsure": "Unsure"}
    return {side: place / names[side] for side in SIDES}


def sort_folder(wish: Sorting, reporter: Reporter) -> str:
    """Offers what has no answer yet until everything has one, or somebody finishes early; returns in words what came of it.

    Raises:
        InvalidInputError, NotFoundError, ConflictError: when a folder cannot be used.
        UnavailableError: when the labeler stops.
    """
    if wish.folder.is_file():
        raise InvalidInputError(no_folder(wish.folder))
    if not wish.folder.is_dir():
        raise NotFoundError(f"the folder {wish.folder} does not exist; give the folder that holds the images")
    state = SortingState(wish.runtime, wish.folder, tuple(wish.sides.values()))
    listed = state.list_images()
    reporter.say(listed.words)
    folders = SideFolders(wish.sides, wish.folder, listed.paths, wish.runtime, wish.mode)
    with _labeler(wish) as labeler:
        question = wish.question or "Is this what you are looking for?"
        labeler.open_run(state.run, listed.catalog, Shown(wish.folder.name, question, wish.batch_size))
        log = LabelLog(labeler, state.run)
        try:
            _answer_all(wish, reporter, labeler, log, folders, state.run, len(listed.paths))
        finally:
            folders.update(log.newest().answers)
        words = _told(log, folders, len(listed.paths))
        labeler.close_run(state.run, words)
        time.sleep(_LAST_WORD_S)
    return words


def _answer_all(
    wish: Sorting,
    reporter: Reporter,
    labeler: LabelerClient,
    log: LabelLog,
    folders: SideFolders,
    run: str,
    images: int,
) -> None:
    labels = log.newest()
    open_items = [item for item in range(images) if item not in labels.answers]
    number = max(labels.rounds.values(), default=0) + 1  # what was given back before can be offered again
    for first in range(0, len(open_items), _MOST_CARDS):
        picks = [Pick(item=item, reason="folder", score=math.nan) for item in open_items[first : first + _MOST_CARDS]]
        labeler.offer(run, number, picks)
    if open_items:
        greet(reporter, labeler.links(), len(open_items), opens=wish.open_browser)
    with reporter.bar("Labeling", len(open_items), "images") as bar:
        while (queue := labeler.queue(run, number)).open:
            bar.update(len(open_items) - queue.open, f"{queue.positive} positive")
            folders.update(log.newest().answers)
            time.sleep(_LOOK_S)


def _told(log: LabelLog, folders: SideFolders, images: int) -> str:
    answers = [answer.value for answer in log.newest().answers.values()]
    counts = ", ".join(f"{answers.count(side)} {side}" for side in SIDES)
    left = f"; {images - len(answers)} are left for the next time" if images > len(answers) else ""
    return f"{len(answers)} of {images} images have an answer: {counts}, in {folders.place}{left}."


@contextmanager
def _labeler(wish: Sorting) -> Iterator[LabelerClient]:
    """A labeler of our own, alone."""
    values: dict[str, Any] = {
        "ARTIFACTS": wish.runtime / "artifacts",
        "LABELS": wish.runtime / "labels",
        "WEB_HOST": wish.host,
        "WEB_PORT": wish.port,
        "VERBOSE": True,
    }
    if wish.public_url:
        values["WEB_URL"] = wish.public_url
    launcher = Launcher(wish.runtime / "logs", {f"ACTIVE_LABELER_{name}": str(value) for name, value in values.items()})
    try:
        others = {name: "elsewhere" for name in clients.SERVICES if name != "labeler"}
        address = launcher.start(EndpointSettings(**others)).labeler
        assert address is not None
        channel = rpc.connect(address, tls=read_orchestrator_settings().tls)
        yield LabelerClient(LabelerStub(channel), Caller(0.0, launcher.why_gone))
        channel.close()
    finally:
        launcher.stop()
