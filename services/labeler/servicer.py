"""The gRPC side: messages to the desk and back."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator

import grpc

from protos import labeler_pb2 as pb
from protos import labeler_pb2_grpc
from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.labeler.browsing import Browsing
from services.labeler.desk import Desk
from services.labeler.links import LinkMaker
from services.labeler.model import Answer, CatalogRef, Event, Offered, Queue, Run
from services.labeler.text import clean

log = logging.getLogger(__name__)

_ANSWERS = {
    Answer.POSITIVE: pb.ANSWER_POSITIVE,
    Answer.NEGATIVE: pb.ANSWER_NEGATIVE,
    Answer.UNSURE: pb.ANSWER_UNSURE,
    Answer.RETRACTED: pb.ANSWER_RETRACTED,
}


class LabelerServicer(labeler_pb2_grpc.LabelerServicer):
    """Implements ``protos/labeler.proto``.

    Args:
        desk: the core.
        links: to the page.
        browsing: over the desk.
    """

    def __init__(self, desk: Desk, links: LinkMaker, browsing: Browsing) -> None:
        self._desk, self._links, self._browsing = desk, links, browsing

    def OpenRun(self, request: pb.OpenRunRequest, context: grpc.ServicerContext) -> pb.OpenRunResponse:
        """Makes a run known."""
        run = Run(
            request.run,
            _catalog(request.catalog),
            request.name,
            request.question,
            request.batch_size,
            definition=request.definition,
            continuous=request.continuous,
            show_scores=request.show_scores,
        )
        self._desk.open_run(run).result()
        log.info("run %s is open: %s", request.run, clean(request.question or request.name, 100))
        return pb.OpenRunResponse(run=request.run, url=self._links.links().page)

    def GetLinks(self, request: pb.GetLinksRequest, context: grpc.ServicerContext) -> pb.Links:
        """The links that let people in."""
        links = self._links.links()
        return pb.Links(page=links.page, admin=links.admin, annotator=links.annotator, local=links.is_local)

    def SaveRun(self, request: pb.SaveRunRequest, context: grpc.ServicerContext) -> pb.SaveRunResponse:
        """A copy of the rows of a run."""
        rows, events = self._desk.copies.save(request.run)
        log.info("run %s: %d events copied", request.run, events)
        return pb.SaveRunResponse(run=request.run, rows=rows, events=events)

    def RestoreRun(self, request: pb.RestoreRunRequest, context: grpc.ServicerContext) -> pb.RestoreRunResponse:
        """The rows of a run from a copy."""
        events = self._desk.copies.restore(request.run, request.rows)
        log.info("run %s: restored with %d events", request.run, events)
        return pb.RestoreRunResponse(run=request.run, events=events)

    def CloseRun(self, request: pb.CloseRunRequest, context: grpc.ServicerContext) -> pb.CloseRunResponse:
        """Tells people that labeling is over."""
        self._desk.close_run(request.run, request.sentence).result()
        log.info("run %s: labeling is over", request.run)
        return pb.CloseRunResponse(run=request.run)

    def Offer(self, request: pb.OfferRequest, context: grpc.ServicerContext) -> pb.OfferResponse:
        """Puts cards on offer."""
        offered = [_offered(card) for card in request.cards]
        added = self._desk.offer(request.run, request.round, offered, request.replace).result()
        log.info("run %s round %d: %d cards on offer", request.run, request.round, added)
        return pb.OfferResponse(run=request.run, added=added)

    def Simulate(self, request: pb.SimulateRequest, context: grpc.ServicerContext) -> pb.SimulateResponse:
        """Answers open cards from file names."""
        labelled = self._desk.simulate(
            request.run, request.round, request.pos_class, request.limit, request.error, request.seed
        ).result()
        log.info("run %s round %d: %d cards answered from file names", request.run, request.round, labelled)
        return pb.SimulateResponse(run=request.run, labelled=labelled)

    def ImportLabels(self, request: pb.ImportLabelsRequest, context: grpc.ServicerContext) -> pb.ImportLabelsResponse:
        """Records labels that were made elsewhere."""
        items, positive = request.labels.item, request.labels.positive
        if len(items) != len(positive) or not set(positive) <= {0, 1}:
            raise InvalidInputError(
                f"{len(items)} items and {len(positive)} labels are not in parallel; send one byte, 0 or 1, for each item"
            )
        labels = [(item, bool(mark)) for item, mark in zip(items, positive, strict=True)]
        added = self._desk.import_labels(request.run, request.round, labels, request.annotator).result()
        log.info("run %s round %d: %d labels imported", request.run, request.round, added)
        return pb.ImportLabelsResponse(run=request.run, added=added)

    def ListLabels(self, request: pb.ListLabelsRequest, context: grpc.ServicerContext) -> pb.ListLabelsResponse:
        """A page of the log."""
        found, last = self._desk.events(request.run, request.after, request.limit)
        return pb.ListLabelsResponse(run=request.run, events=[_event(event) for event in found], last=last)

    def ListRemarks(self, request: pb.ListRemarksRequest, context: grpc.ServicerContext) -> pb.ListRemarksResponse:
        """A page of flags and notes."""
        found = self._desk.remarks_after(request.run, request.after, request.limit)
        remarks = [
            pb.Remark(number=n, item=r.item, annotator=r.annotator, flag=r.flag, note=r.note, time_ms=r.time_ms)
            for n, r in found
        ]
        return pb.ListRemarksResponse(run=request.run, remarks=remarks)

    def ListAnnotators(
        self, request: pb.ListAnnotatorsRequest, context: grpc.ServicerContext
    ) -> pb.ListAnnotatorsResponse:
        """What each person has done, and how far people agree."""
        found = self._browsing.people(request.run, 0, 0)
        people = [pb.Annotator(**{**who, "per_minute": _or_nan(who["per_minute"])}) for who in found.annotators]
        return pb.ListAnnotatorsResponse(run=request.run, annotators=people, alpha=_or_nan(found.alpha))

    def Withdraw(self, request: pb.WithdrawRequest, context: grpc.ServicerContext) -> pb.WithdrawResponse:
        """Takes the open cards of a round back."""
        withdrawn = self._desk.withdraw(request.run, request.round, clean(request.reason, 200)).result()
        log.info("run %s round %d: %d cards withdrawn", request.run, request.round, withdrawn)
        return pb.WithdrawResponse(run=request.run, withdrawn=withdrawn)

    def GetQueue(self, request: pb.GetQueueRequest, context: grpc.ServicerContext) -> pb.Queue:
        """How far a round is."""
        return _queue(self._desk.queue(request.run, None if request.all_rounds else request.round))

    def WatchQueue(self, request: pb.GetQueueRequest, context: grpc.ServicerContext) -> Iterator[pb.Queue]:
        """The same, until the round is done."""
        return map(_queue, self._desk.watch(request.run, request.round, context.is_active))


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _catalog(artifact: Artifact) -> CatalogRef:
    return CatalogRef(artifact.path, artifact.sha256, artifact.bytes)


def _offered(card: pb.Card) -> Offered:
    return Offered(card.item, card.reason, card.score if math.isfinite(card.score) else None, card.second)


def _event(event: Event) -> pb.LabelEvent:
    return pb.LabelEvent(
        position=event.position,
        item=event.item,
        answer=_ANSWERS[event.answer],
        round=event.round,
        annotator=event.annotator,
        time_ms=event.time_ms,
        reason=event.reason,
        late=event.late,
        scores_shown=event.scores_shown,
    )


def _queue(queue: Queue) -> pb.Queue:
    return pb.Queue(
        run=queue.run,
        round=queue.round,
        open=queue.open,
        held=queue.held,
        positive=queue.positive,
        negative=queue.negative,
        unsure=queue.unsure,
        withdrawn=queue.withdrawn,
        last=queue.last,
    )
