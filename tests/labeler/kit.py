"""What the tests of the labeler share: catalogs, runs, people."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

from protos import labeler_pb2 as pb
from protos import labeler_pb2_grpc
from protos.common_pb2 import Artifact
from protos.rpc import connect
from services.common.artifacts import ArtifactStore, digest_of
from services.common.catalog import list_images, write_catalog
from services.labeler.catalogs import Catalogs
from services.labeler.desk import Desk
from services.labeler.model import Answer, Author, CatalogRef, Entry, Offered, Reply, Run, Visit
from services.labeler.store.database import Database


def publish_names(store: ArtifactStore, root: Path, names: Sequence[str]) -> Artifact:
    """A catalog of files that need not exist."""
    with store.writing(f"catalogs/{digest_of(str(root), *names)}.sqlite") as writing:
        write_catalog(writing.path, root, [(name, 1, 1) for name in names])
    return writing.artifact


def publish_folder(store: ArtifactStore, root: Path) -> Artifact:
    """A catalog of the images below a folder."""
    images = list_images(root)
    with store.writing(f"catalogs/{digest_of(str(root), str(images).encode(errors='replace'))}.sqlite") as writing:
        write_catalog(writing.path, root, images)
    return writing.artifact


def paint(folder: Path, names: Sequence[str], size: tuple[int, int] = (64, 48)) -> None:
    """Real PNG files, each of another colour."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        Image.new("RGB", size, (37 * number % 256, 91 * number % 256, 151 * number % 256)).save(folder / name, "PNG")


def banded(width: int, height: int) -> NDArray[np.uint8]:
    """Pixels of colours that change slowly, with dark lines across them: no two places look alike."""
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    bands = (120 + 90 * np.sin(x / 300) + 0 * y, 120 + 90 * np.cos(y / 210) + 0 * x, 60 + 0.01 * x + 0.012 * y)
    pixels = np.stack(bands, axis=-1).astype(np.uint8)
    pixels[:: 256 + 7, :, :] //= 2
    pixels[:, :: 300 + 11, :] //= 2
    return pixels


def to_run(artifact: Artifact, run: str = "r1", batch_size: int = 10, question: str = "Is there a plane?") -> Run:
    return Run(run, CatalogRef(artifact.path, artifact.sha256, artifact.bytes), "Planes", question, batch_size)


def open_desk(url: str, store: ArtifactStore, lease_s: float = 60) -> Desk:
    return Desk(Database(url), Catalogs(store, None), lease_s)


def offer(desk: Desk, items: Sequence[int], number: int = 1, run: str = "r1") -> int:
    return desk.offer(run, number, [Offered(item, "uncertainty", 0.5) for item in items]).result()


class Person:
    """Somebody with a page: answers, in order, with numbers of their own."""

    def __init__(self, desk: Desk, name: str, run: str = "r1") -> None:
        self.desk, self.run = desk, run
        self.author = Author(client=f"{name.lower()}00000000", annotator=name)
        self.sequence = 0
        self.hold: list[int] = []

    def visit(self, *entries: Entry, want: int = 0, leave: bool = False) -> Reply:
        visit = Visit(self.author, tuple(entries), tuple(self.hold), want, leave)
        reply = self.desk.visit(self.run, visit).result()
        self.hold = [*reply.held, *(card.item for card in reply.cards)]
        return reply

    def take(self, want: int) -> list[int]:
        return [card.item for card in self.visit(want=want).cards]

    def entry(self, item: int, answer: Answer, number: int = 1) -> Entry:
        self.sequence += 1
        self.hold = [held for held in self.hold if held != item]
        return Entry(item, number, answer, self.sequence)

    def say(self, item: int, answer: Answer = Answer.POSITIVE, number: int = 1) -> Reply:
        return self.visit(self.entry(item, answer, number))


def log_of(desk: Desk, run: str = "r1") -> list[tuple[int, str, str]]:
    """(item, answer, annotator) of every event."""
    return [(event.item, event.answer.value, event.annotator) for event in desk.events(run, 0, 0)[0]]


def wait_for(what: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


CHROMIUM = "/usr/bin/chromium"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class Service:
    """A labeler as a process of its own, as the launcher starts it.

    Args:
        folder: for its labels, artifacts and log.
        files: that it may open when it starts (``ulimit -S -n``); None: as many as this process.
        environment: settings beyond those.
    """

    def __init__(self, folder: Path, files: int | None = None, **environment: str) -> None:
        self.folder = folder
        self.log = folder / "labeler.log"
        self._pipe_out, self.pipe = os.pipe()
        settings = {
            "ACTIVE_LABELER_LISTEN": "127.0.0.1:0",
            "ACTIVE_LABELER_ARTIFACTS": str(folder / "artifacts"),
            "ACTIVE_LABELER_LABELS": str(folder / "labels"),
            "ACTIVE_LABELER_LOG_FILE": str(self.log),
            "ACTIVE_LABELER_PARENT_PIPE": str(self._pipe_out),
            "ACTIVE_LABELER_WEB_PORT": "0",
        } | environment
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "services.labeler"]
        if files is not None:
            command = ["sh", "-c", f'ulimit -S -n {files}; exec "$@"', "sh", *command]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=(self._pipe_out,),
        )
        os.close(self._pipe_out)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("READY "):
            assert self.process.stderr is not None
            self.error = self.process.stderr.read()
            self.process.wait()
            os.close(self.pipe)
            return
        self.error = ""
        self.address = line.split()[1]
        listening = psutil.Process(self.process.pid).net_connections("tcp")
        ports = {found.laddr.port for found in listening if found.status == psutil.CONN_LISTEN}
        (self.port,) = ports - {int(self.address.rsplit(":", 1)[1])}
        self.url = f"http://127.0.0.1:{self.port}/"
        self.channel = connect(self.address, timeout_s=20)
        self.stub: Any = labeler_pb2_grpc.LabelerStub(self.channel)

    def open_run(
        self,
        catalog: Artifact,
        question: str = "Is there a plane?",
        run: str = "r1",
        batch_size: int = 10,
        **texts: Any,
    ) -> None:
        named = {"name": "Planes", "question": question, "batch_size": batch_size, **texts}
        self.stub.OpenRun(pb.OpenRunRequest(run=run, catalog=catalog, **named))

    def offer(self, items: Sequence[int], number: int = 1, run: str = "r1") -> int:
        cards = [pb.Card(item=item, reason="uncertainty", score=0.5) for item in items]
        return int(self.stub.Offer(pb.OfferRequest(run=run, round=number, cards=cards)).added)

    def queue(self, number: int = 1, run: str = "r1") -> pb.Queue:
        return self.stub.GetQueue(pb.GetQueueRequest(run=run, round=number))

    def answers(self, run: str = "r1") -> list[tuple[int, int]]:
        return [(e.item, e.answer) for e in self.stub.ListLabels(pb.ListLabelsRequest(run=run)).events]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.channel.close()
            os.close(self.pipe)
            self.process.wait(15)

    def kill(self) -> None:
        self.channel.close()
        self.process.kill()
        self.process.wait()
        os.close(self.pipe)
