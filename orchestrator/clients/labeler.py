"""The labeler's client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.caller import Caller
from orchestrator.clients.refs import ArtifactRef, Pick
from protos import common_pb2, labeler_pb2, labeler_pb2_grpc, rpc
from protos.errors import UnavailableError
from protos.wire import to_labels

_LINKS_S = 20.0
_COPY_S = 1800.0


class Answer(StrEnum):
    """What somebody said about an image."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNSURE = "unsure"
    RETRACTED = "retracted"


_ANSWERS = {
    labeler_pb2.ANSWER_POSITIVE: Answer.POSITIVE,
    labeler_pb2.ANSWER_NEGATIVE: Answer.NEGATIVE,
    labeler_pb2.ANSWER_UNSURE: Answer.UNSURE,
    labeler_pb2.ANSWER_RETRACTED: Answer.RETRACTED,
}


@dataclass(frozen=True, slots=True)
class LabelEvent:
    """One entry of the label log."""

    position: int
    item: int
    answer: Answer
    round: int
    annotator: str
    time_ms: int
    reason: str
    late: bool = False
    scores_shown: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody says about an image besides an answer.

    Attributes:
        flag: somebody should look at it again.
        note: may be empty.
        time_ms: since 1970, UTC.
    """

    item: int
    annotator: str
    flag: bool
    note: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class Annotator:
    """What somebody has done in a run.

    Attributes:
        answers: that stand; of these ``positive`` and ``unsure``.
        undone: taken back.
        per_minute: answers while at work; not-a-number where too little is known.
        shared: comparisons with answers of others to the same image; of these ``agreed`` agree.
    """

    name: str
    answers: int
    positive: int
    unsure: int
    undone: int
    per_minute: float
    shared: int
    agreed: int


@dataclass(frozen=True)
class Shown:
    """What the page says about a run.

    Attributes:
        definition: what counts as yes and what does not; may have lines.
        batch_size: cards between two end screens.
        continuous: no end screens.
        show_scores: why an image was chosen, and its score.
    """

    name: str
    question: str
    batch_size: int
    definition: str = ""
    continuous: bool = False
    show_scores: bool = False


@dataclass(frozen=True)
class Links:
    """Addresses of the page that let people in.

    Attributes:
        page: without a token.
        admin, annotator: with one; the page itself where nobody is asked for a token.
        local: the address means nothing on other machines.
    """

    page: str
    admin: str
    annotator: str
    local: bool

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked for a token."""
        return self.admin == self.page


@dataclass(frozen=True)
class QueueState:
    """How far a round is: cards not answered, answers by kind, the newest position of the label log, and cards in hands."""

    open: int
    positive: int
    negative: int
    unsure: int
    withdrawn: int
    last: int
    held: int = 0


class LabelerClient:
    """Cards to people, and what they answered."""

    def __init__(self, stub: Any, call: Caller) -> None:
        self._stub, self._call = stub, call

    def open_run(self, run: str, catalog: ArtifactRef, shown: Shown) -> str:
        """Makes a run known; returns the address of the page, as the labeler knows it."""
        request = labeler_pb2.OpenRunRequest(run=run, catalog=catalog.to(common_pb2.Artifact), **asdict(shown))
        return str(self._call(self._stub.OpenRun, request).url)

    def links(self) -> Links:
        """The addresses that people get."""
        return links_of(self._call(self._stub.GetLinks, labeler_pb2.GetLinksRequest()))

    def save_run(self, run: str) -> tuple[ArtifactRef, int]:
        """A copy of all that the label store has of a run, as an artifact to be removed afterwards; and the events in it."""
        saved = self._call(self._stub.SaveRun, labeler_pb2.SaveRunRequest(run=run), _COPY_S)
        return ArtifactRef.of(saved.rows), int(saved.events)

    def restore_run(self, run: str, rows: ArtifactRef) -> int:
        """Brings such a copy into the label store; returns the events in it."""
        request = labeler_pb2.RestoreRunRequest(run=run, rows=rows.to(common_pb2.Artifact))
        return int(self._call(self._stub.RestoreRun, request, _COPY_S).events)

    def close_run(self, run: str, sentence: str) -> None:
        """Tells people that labeling is over, and where the result is."""
        self._call(self._stub.CloseRun, labeler_pb2.CloseRunRequest(run=run, sentence=sentence))

    def offer(self, run: str, number: int, picks: Sequence[Pick], replace: bool = False) -> int:
        """Puts cards on offer, best first; with ``replace`` in the place of all that nobody holds. Returns how many are new."""
        cards = [labeler_pb2.Card(item=p.item, reason=p.reason, score=p.score, second=p.second) for p in picks]
        request = labeler_pb2.OfferRequest(run=run, round=number, cards=cards, replace=replace)
        return int(self._call(self._stub.Offer, request).added)

    def simulate(
        self, run: str, number: int, pos_class: str, limit: int = 0, error: float = 0.0, seed: int = 0
    ) -> None:
        """Answers open cards of a round from the file names: the best ``limit`` (0: all), a share ``error`` of them wrongly."""
        request = labeler_pb2.SimulateRequest(
            run=run, round=number, pos_class=pos_class, limit=limit, error=error, seed=seed
        )
        self._call(self._stub.Simulate, request, 300)

    def import_labels(
        self, run: str, number: int, items: NDArray[np.uint64], positive: NDArray[np.bool_], annotator: str
    ) -> None:
        """Records labels from elsewhere: items [n] uint64, positive [n] bool."""
        request = labeler_pb2.ImportLabelsRequest(
            run=run, round=number, labels=to_labels(items, positive), annotator=annotator
        )
        self._call(self._stub.ImportLabels, request, 300)

    def events(self, run: str, after: int = 0) -> list[LabelEvent]:
        """The label log after a position, oldest first."""
        events: list[LabelEvent] = []
        while True:
            request = labeler_pb2.ListLabelsRequest(run=run, after=after)
            page = self._call(self._stub.ListLabels, request).events
            events.extend(
                LabelEvent(
                    e.position,
                    e.item,
                    _ANSWERS[e.answer],
                    e.round,
                    e.annotator,
                    e.time_ms,
                    e.reason,
                    e.late,
                    e.scores_shown,
                )
                for e in page
            )
            if not page:
                return events
            after = page[-1].position

    def remarks(self, run: str) -> list[Remark]:
        """Flags and notes of people, the oldest first."""
        remarks: list[Remark] = []
        after = 0
        while page := self._call(self._stub.ListRemarks, labeler_pb2.ListRemarksRequest(run=run, after=after)).remarks:
            remarks.extend(Remark(r.item, r.annotator, r.flag, r.note, r.time_ms) for r in page)
            after = page[-1].number
        return remarks

    def annotators(self, run: str) -> tuple[list[Annotator], float]:
        """What each person has done, by name; and Krippendorff's alpha, not-a-number where it is not defined."""
        found = self._call(self._stub.ListAnnotators, labeler_pb2.ListAnnotatorsRequest(run=run))
        people = [
            Annotator(a.name, a.answers, a.positive, a.unsure, a.undone, a.per_minute, a.shared, a.agreed)
            for a in found.annotators
        ]
        return people, float(found.alpha)

    def withdraw(self, run: str, number: int, reason: str = "") -> int:
        """Takes the open cards of a round back, or those with a reason that nobody holds; returns how many."""
        request = labeler_pb2.WithdrawRequest(run=run, round=number, reason=reason)
        return int(self._call(self._stub.Withdraw, request).withdrawn)

    def queue(self, run: str, number: int, all_rounds: bool = False) -> QueueState:
        """How far a round is, or all of them together."""
        request = labeler_pb2.GetQueueRequest(run=run, round=number, all_rounds=all_rounds)
        q = self._call(self._stub.GetQueue, request)
        return QueueState(q.open, q.positive, q.negative, q.unsure, q.withdrawn, q.last, q.held)


def links_of(told: Any) -> Links:
    """The links in a message of the labeler, or of the control service."""
    return Links(str(told.page), str(told.admin), str(told.annotator), bool(told.local))


def links_at(address: str, tls: rpc.Tls | None) -> Links:
    """The links of the labeler at an address.

    Raises:
        UnavailableError: when nobody answers there.
    """
    channel = rpc.connect(address, timeout_s=_LINKS_S, tls=tls)
    try:
        return LabelerClient(labeler_pb2_grpc.LabelerStub(channel), Caller(0.0)).links()
    except UnavailableError as error:
        raise UnavailableError(
            f"the labeler at {address} does not answer; look whether the run is at work (`active-labeler status`)"
        ) from error
    finally:
        channel.close()
