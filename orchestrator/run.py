"""A run at work: what the steps of the loop share."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from orchestrator.audited import Audited
from orchestrator.clients import Clients
from orchestrator.clients.certainty import Assessed
from orchestrator.clients.refs import ArtifactRef
from orchestrator.folder import RunFolder
from orchestrator.journal import Journal
from orchestrator.model import Catalogued, Computing, Embedded, Model
from orchestrator.outputs.swipe import SwipeFolders
from orchestrator.prevalence import Prevalence
from orchestrator.questions import Asker, Question, Standing
from orchestrator.reporting import Reporter
from orchestrator.settings import RunSettings
from protos.common_pb2 import Artifact
from protos.errors import UnavailableError
from protos.traces import span
from services.common.artifacts import ArtifactStore, digest_of
from services.common.catalog import Catalog

if TYPE_CHECKING:
    from orchestrator.results import Results

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class Board:
    """Where a run stands, for whoever asks from outside; written by the loop only.

    Attributes:
        labels: images with a yes or a no, as of now; ``positives`` are those with a yes.
        seeds: images of the seed set with a yes, a no, and an unsure.
        report: what came of the run, once everything is written.
    """

    state: str = "running"
    round: int = 0
    step: str = ""
    images: int = 0
    quarantined: int = 0
    labels: int = 0
    positives: int = 0
    seeds: tuple[int, int, int] = (0, 0, 0)
    report: str = ""
    question: Question | None = None
    page: bool = False  # people label there
    assessed: Assessed | None = None
    prevalence: Prevalence | None = None


@dataclass(frozen=True)
class Proof:
    """A curated set whose precision was shown: the model, where its positives begin, and what was shown, in words."""

    model: Model
    threshold: float
    sentence: str


class Stopped(Exception):  # noqa: N818 - not an error: somebody asked for it
    """Somebody stopped the run; it can be resumed."""


@dataclass
class Run:
    """Everything that a step of the loop needs.

    Attributes:
        in_flight: embedding calls at the same time, at least.
        generations: all that were made of the data set, oldest first.
        results: what the tables are made from, once there is an index.
        drawn: items by lot that people may label while the images are embedded, in the order of the draw.
        audit: the newest audit of recall.
        audits: how many draws of each kind were judged.
        computing: how the encoder computes, where the settings leave it open.
        proof: of the precision of what the newest head accepts; another head needs another one.
        catalogued: the images as they are listed, with those that were added.
        latest: what the loop has learned so far; for searches and exports from outside.
        replaying: only what the journal has; the first step that it has not ends the run in an orderly way.
        recomputed: ends of the names of steps that are worked out all the same while replaying.
        invited: whether people have been told of the page.
        owns_page: the labeler was started with this run, on this machine.
        swipe: the original's folders of links, once the images are listed.
        stopping: asked between steps and while waiting; True ends the run in an orderly way.
    """

    folder: RunFolder
    settings: RunSettings
    journal: Journal
    store: ArtifactStore
    clients: Clients
    asker: Asker
    reporter: Reporter
    in_flight: int = 2
    stopping: Callable[[], bool] = lambda: False
    replaying: bool = False
    recomputed: tuple[str, ...] = ()
    invited: bool = False
    owns_page: bool = False
    swipe: SwipeFolders | None = None
    board: Board = field(default_factory=Board)
    latest: Model | None = None
    catalogued: Catalogued | None = None
    generations: list[Embedded] = field(default_factory=list)
    results: Results | None = None
    drawn: tuple[int, ...] = ()
    audit: Audited | None = None
    audits: Counter[str] = field(default_factory=Counter)
    proof: Proof | None = None
    computing: Computing = field(default_factory=Computing)

    @property
    def embedding(self) -> RunSettings:
        """The settings for calls of the embedder, with what was chosen where they leave something open.

        Where OpenVINO was chosen, not asked for, it stays with each worker to take it: the run may go on where there is none.
        """
        encoder, chosen = self.settings.encoder, {}
        if encoder.precision == "auto":
            chosen["precision"] = self.computing.precision
        if encoder.backend == "auto":
            chosen["backend"] = "auto" if self.computing.backend == "openvino" else "torch"
        return self.settings.model_copy(update={"encoder": encoder.model_copy(update=chosen)})

    @property
    def id(self) -> str:
        """The name of the run on the wire."""
        return self.folder.run

    def once(self, step: str, kind: type[T], work: Callable[[], T]) -> T:
        """A step: its result from the journal, or else worked out now."""
        unknown = self.replaying and step not in self.journal
        if self.stopping() or (unknown and not (self.recomputed and step.endswith(self.recomputed))):
            raise Stopped
        self.board.step = step
        if step in self.journal:
            return self.journal.once(step, kind, work)
        with span(step.rpartition("/")[2], calm=(Stopped,), step=step):
            return self.journal.once(step, kind, work)

    def ask(self, question: Question, standing: Standing) -> str:
        """The journalled answer to a question."""

        def work() -> str:
            self.board.question, self.board.state = question, "asking"
            try:
                return question.check(self.asker.ask(question, standing))
            finally:
                self.board.question, self.board.state = None, "running"

        return self.once(question.id, str, work)

    @property
    def mirrors(self) -> Path:
        """Where copies of images lie that are elsewhere; every service reads them there."""
        return self.store.root / "mirrors"

    @property
    def threshold(self) -> float:
        """The probability that the positive side of the curated set begins with."""
        return self.proof.threshold if self.proof else self.settings.final_dataset.threshold

    def seed(self, *what: str | int) -> int:
        """The seed of one random choice: it follows from the run's seed and the choice's name."""
        return int(digest_of(self.settings.seed, *what)[:15], 16)

    def open_catalog(self, artifact: ArtifactRef) -> Catalog:
        """The catalog of the run, to be used as a context."""
        return Catalog(self.store.open(artifact.to(Artifact)))

    @contextmanager
    def telling(self, step: str) -> Iterator[list[str]]:
        """Says what a step did and how long it took, once it is done; put the words into the yielded list."""
        start = time.monotonic()
        words: list[str] = []
        try:
            yield words
        except UnavailableError as error:
            raise UnavailableError(f"{str(error).rstrip('.')}. It happened in step {step!r}") from error
        self.reporter.say(f"{' '.join(words)} ({time.monotonic() - start:.1f} s)")
