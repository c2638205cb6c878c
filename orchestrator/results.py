"""The tables and the picture of a run, from its records."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from orchestrator.agreement import agreement_in_words
from orchestrator.clients.embedder import content_digests
from orchestrator.clients.labeler import Answer
from orchestrator.clients.refs import ArtifactRef
from orchestrator.labels import LabelLog
from orchestrator.model import Catalogued, Embedded
from orchestrator.outputs.metrics import Confidence, RoundFacts, confidence, write_metrics
from orchestrator.outputs.plot import Course, plot_course
from orchestrator.outputs.probabilities import RoundScores, write_probabilities
from orchestrator.outputs.truth import truth_of
from orchestrator.places import metric_csv, prob_csv
from orchestrator.rounds import RoundRecord
from orchestrator.run import Run
from protos.common_pb2 import Artifact

_NAN = float("nan")


class Results:
    """What the outputs are made from; grows by one record a round.

    Attributes:
        paths: relative path of each image [rows].
        truth: which images are truly positive [rows] bool, by their paths; None where these say nothing.
    """

    def __init__(self, run: Run, catalogued: Catalogued, embedded: Embedded, log: LabelLog) -> None:
        self._run, self._log = run, log
        self.records: list[RoundRecord] = []
        self._facts: list[RoundFacts] = []
        self.grow(catalogued, embedded)

    def grow(self, catalogued: Catalogued, embedded: Embedded) -> None:
        """Takes over the images of a catalog, at first or when it has grown."""
        with self._run.open_catalog(catalogued.catalog) as catalog:
            self.paths = [row.path for row in catalog.rows()]
        self.truth = truth_of(self.paths, self._run.settings.labeling.pos_class)
        self.present = self.load(embedded.generation.present).astype(np.bool_)

    def add(self, record: RoundRecord, write: bool = True) -> None:
        """Takes in a round; with ``write`` the table of the rounds is written anew."""
        self.records.append(record)
        if self._run.settings.metrics.enabled:
            self._facts.append(self._facts_of(record))
            if write:
                write_metrics(metric_csv(self._run.settings), self._facts)

    def write_last(self) -> None:
        """Writes all tables: the probabilities, which are large, only here; and the picture."""
        if self._run.settings.metrics.enabled:
            rounds = [
                RoundScores(record.number, self._of_all(record.scores), self._pool(record))
                for record in self.records
                if record.scores is not None
            ]
            write_metrics(metric_csv(self._run.settings), self._facts)
            write_probabilities(prob_csv(self._run.settings), rounds, self.paths, self.truth)
        plot_course(self._run.folder.plot, self._course())

    def sha256(self, embedded: Embedded) -> NDArray[np.uint8]:
        """The digest of each image's content [rows, 32], as it was when it was embedded; zero where it could not be read."""
        return content_digests(self._run.store, embedded.blocks, len(self.paths))

    def load(self, artifact: ArtifactRef) -> NDArray[np.float32]:
        """An array of the store."""
        array: NDArray[np.float32] = np.load(self._run.store.open(artifact.to(Artifact)), allow_pickle=False)
        return array

    def _of_all(self, scores: ArtifactRef) -> NDArray[np.float32]:
        """Scores [rows] of a round; not-a-number for images that were added later."""
        then = self.load(scores)
        return np.concatenate([then, np.full(len(self.paths) - len(then), np.nan, dtype=np.float32)])

    def agreement(self, position: int) -> dict[str, str]:
        """How well people agree up to a position of the label log: name -> sentence."""
        return agreement_in_words(self._log, position)

    def _pool(self, record: RoundRecord) -> NDArray[np.bool_]:
        """The pool of a round, before its labels [rows] bool."""
        pool = self.present.copy()
        pool[self._log.at(record.position).asked().astype(np.int64)] = False
        return pool

    def _facts_of(self, record: RoundRecord) -> RoundFacts:
        labels, number = self._log.at(record.position), record.number  # audits before the round have its number, too
        quality = record.validation
        positives, negatives = self._confidence(record)
        return RoundFacts(
            pos_class=self._run.settings.labeling.pos_class,
            step=record.number,
            model_type="f" if record.choice == "f" else "l",
            pos_train=labels.count(Answer.POSITIVE),
            neg_train=labels.count(Answer.NEGATIVE),
            train_seconds=record.train_seconds,
            labeled_pos=record.labelled.positive - labels.count(Answer.POSITIVE, number),
            labeled_neg=record.labelled.negative - labels.count(Answer.NEGATIVE, number),
            f1=quality.f1 if quality else _NAN,
            precision=quality.precision if quality else _NAN,
            accuracy=quality.accuracy if quality else _NAN,
            recall=quality.recall if quality else _NAN,
            positives=positives,
            negatives=negatives,
        )

    def _confidence(self, record: RoundRecord) -> tuple[Confidence | None, Confidence | None]:
        if self.truth is None or record.scores is None:
            return None, None
        return confidence(self.load(record.scores), self._pool(record), self.truth)

    def _course(self) -> Course:
        """Labels and positives after the seed set and after each round, from the answers as they are now."""
        labels = self._log.newest()
        numbers: Sequence[int] = range(len(self.records) + 1)
        counts = [(labels.count(Answer.POSITIVE, n), labels.count(Answer.NEGATIVE, n)) for n in numbers]
        positives = np.cumsum([positive for positive, _ in counts]).tolist()
        answered = np.cumsum([positive + negative for positive, negative in counts]).tolist()
        true_positives = None if self.truth is None else int((self.truth & self.present).sum())
        title = self._run.settings.labeling.pos_class or self._run.settings.name
        return Course(answered, positives, int(self.present.sum()), true_positives, title)
