"""The control contract: messages to calls of the run manager, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator

import grpc

from orchestrator import setting_errors
from orchestrator.control import phrases, searching, steering, values
from orchestrator.control.dashboard import dashboard_of
from orchestrator.control.events import Event
from orchestrator.control.exports import Export
from orchestrator.control.manager import ENDED, ManagedRun, Runs
from orchestrator.control.prepared import CONFIGURATION, DATA, ENCODER, Choice, Thing
from orchestrator.control.progress import progress_of
from orchestrator.control.starting import Starts
from orchestrator.questions import Question
from protos import control_pb2, control_pb2_grpc
from protos.errors import InvalidInputError
from protos.rpc import Registration

NAME = "activelabeler.v1.Control"


class ControlServicer(control_pb2_grpc.ControlServicer):
    """Answers the calls of `protos/control.proto`."""

    def __init__(self, manager: Runs) -> None:
        self._manager = manager
        self._starts = Starts(manager)

    def StartRun(
        self, request: control_pb2.StartRunRequest, context: grpc.ServicerContext
    ) -> control_pb2.StartRunResponse:
        """Starts or resumes a run."""
        try:
            values = json.loads(request.settings_json)
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"settings_json is no JSON: {error}") from error
        managed = self._manager.start(setting_errors.build(values), request.resume)
        return control_pb2.StartRunResponse(run=managed.folder.run)

    def ListPrepared(
        self, request: control_pb2.ListPreparedRequest, context: grpc.ServicerContext
    ) -> control_pb2.Prepared:
        """What the operator has laid out."""
        prepared = self._manager.prepared()
        return control_pb2.Prepared(**{kind: _things(prepared.things(kind)) for kind in (DATA, CONFIGURATION, ENCODER)})

    def StartPrepared(
        self, request: control_pb2.StartPreparedRequest, context: grpc.ServicerContext
    ) -> control_pb2.StartRunResponse:
        """Starts a run of what was chosen."""
        choice = Choice(**{field.name: getattr(request, field.name) for field in request.DESCRIPTOR.fields})
        return control_pb2.StartRunResponse(run=self._starts.start(choice).folder.run)

    def ListRuns(
        self, request: control_pb2.ListRunsRequest, context: grpc.ServicerContext
    ) -> control_pb2.ListRunsResponse:
        """All runs since the daemon was started."""
        return control_pb2.ListRunsResponse(runs=[_status(managed) for managed in self._manager.all()])

    def GetRun(self, request: control_pb2.GetRunRequest, context: grpc.ServicerContext) -> control_pb2.RunStatus:
        """Where a run stands."""
        return _status(self._manager.get(request.run))

    def WatchRun(
        self, request: control_pb2.WatchRunRequest, context: grpc.ServicerContext
    ) -> Iterator[control_pb2.RunEvent]:
        """Events until the run ends."""
        managed = self._manager.get(request.run)
        after = request.after
        while context.is_active():
            for event in managed.events.after(after, seconds=2):
                after = event.sequence
                yield _event(request.run, event)
                if event.state in ENDED:
                    return

    def AnswerQuestion(
        self, request: control_pb2.AnswerQuestionRequest, context: grpc.ServicerContext
    ) -> control_pb2.AnswerQuestionResponse:
        """Answers the open question."""
        accepted = self._manager.get(request.run).asker.answer(request.question, request.answer)
        return control_pb2.AnswerQuestionResponse(run=request.run, accepted=accepted)

    def StopRun(
        self, request: control_pb2.StopRunRequest, context: grpc.ServicerContext
    ) -> control_pb2.StopRunResponse:
        """Stops a run after its step."""
        self._manager.get(request.run).asker.stopping = True
        return control_pb2.StopRunResponse(run=request.run)

    def GetProgress(
        self, request: control_pb2.GetProgressRequest, context: grpc.ServicerContext
    ) -> control_pb2.Progress:
        """How far the search is."""
        return progress_of(self._manager.get(request.run))

    def GetDashboard(
        self, request: control_pb2.GetDashboardRequest, context: grpc.ServicerContext
    ) -> control_pb2.Dashboard:
        """What the dashboard draws."""
        return dashboard_of(self._manager.get(request.run))

    def GetValues(self, request: control_pb2.GetValuesRequest, context: grpc.ServicerContext) -> control_pb2.Values:
        """A part of an array with one value for each item."""
        found = values.values_of(self._manager.get(request.run), request.kind)
        part = found.part(request.first, request.count)
        return control_pb2.Values(
            run=request.run, version=found.version, rows=found.rows, first=request.first, data=part
        )

    def SetContinuous(
        self, request: control_pb2.SetContinuousRequest, context: grpc.ServicerContext
    ) -> control_pb2.SetContinuousResponse:
        """Continuous mode on or off."""
        steering.set_continuous(self._manager.get(request.run), request.on)
        return control_pb2.SetContinuousResponse(run=request.run, on=request.on)

    def QueueItems(
        self, request: control_pb2.QueueItemsRequest, context: grpc.ServicerContext
    ) -> control_pb2.QueueItemsResponse:
        """Images that a person has chosen, on offer."""
        added = steering.queue_items(self._manager.get(request.run), list(request.item))
        return control_pb2.QueueItemsResponse(run=request.run, added=added)

    def ExportRun(
        self, request: control_pb2.ExportRunRequest, context: grpc.ServicerContext
    ) -> control_pb2.ExportStatus:
        """Begins an export."""
        managed = self._manager.get(request.run)
        return _export(request.run, managed.exports.start(managed, list(request.format), list(request.model)))

    def GetExport(
        self, request: control_pb2.GetExportRequest, context: grpc.ServicerContext
    ) -> control_pb2.ExportStatus:
        """What became of the newest export."""
        return _export(request.run, self._manager.get(request.run).exports.newest)

    def ReadExport(
        self, request: control_pb2.ReadExportRequest, context: grpc.ServicerContext
    ) -> control_pb2.ReadExportResponse:
        """A part of an exported file."""
        data, size, number = self._manager.get(request.run).exports.read(request.name, request.offset)
        return control_pb2.ReadExportResponse(run=request.run, data=data, size=size, export=number)

    def GetPageLinks(
        self, request: control_pb2.GetPageLinksRequest, context: grpc.ServicerContext
    ) -> control_pb2.PageLinks:
        """The addresses of the page that let people in."""
        links = self._manager.links()
        return control_pb2.PageLinks(page=links.page, admin=links.admin, annotator=links.annotator, local=links.local)

    def Search(self, request: control_pb2.SearchRequest, context: grpc.ServicerContext) -> control_pb2.SearchResponse:
        """Neighbours of a picture, an item or a phrase."""
        managed = self._manager.get(request.run)
        kind = request.WhichOneof("query")
        if kind is None:
            raise InvalidInputError("the search has nothing to go by; send a picture, an item or a phrase")
        items, distances = searching.search(managed, getattr(request, kind), request.k or 20)
        return control_pb2.SearchResponse(run=request.run, item=items, distance=distances)


def registration(manager: Runs) -> Registration:
    """What `protos.rpc.serve` needs to serve it."""
    servicer = ControlServicer(manager)
    return Registration(NAME, lambda server: control_pb2_grpc.add_ControlServicer_to_server(servicer, server))


def _export(run: str, export: Export) -> control_pb2.ExportStatus:
    return control_pb2.ExportStatus(run=run, state=export.state, text=export.text, file=list(export.files))


def _question(question: Question | None) -> control_pb2.Question | None:
    if question is None:
        return None
    return control_pb2.Question(
        id=question.id,
        text=question.text,
        choices=question.choices,
        optional=question.optional,
        wants_example=question.wants_example,
    )


def _event(run: str, event: Event) -> control_pb2.RunEvent:
    return control_pb2.RunEvent(
        run=run,
        sequence=event.sequence,
        time_ms=event.time_ms,
        text=event.text,
        step=event.step,
        done=event.done,
        total=event.total,
        question=_question(event.question),
        state=event.state,
        exit_code=event.exit_code,
        unit=event.unit,
        note=event.note,
        per_second=event.rates.per_second if event.rates else 0,
    )


def _things(found: list[Thing]) -> list[control_pb2.PreparedThing]:
    return [control_pb2.PreparedThing(number=thing.number, name=thing.name) for thing in found]


def _status(managed: ManagedRun) -> control_pb2.RunStatus:
    board, settings = managed.board, managed.settings
    return control_pb2.RunStatus(
        run=managed.folder.run,
        name=settings.name or settings.data.name,
        state=board.state,
        round=board.round,
        step=board.step,
        images=board.images,
        quarantined=board.quarantined,
        labels=board.labels,
        positives=board.positives,
        question=_question(board.question),
        message=managed.message or board.report,
        runtime_path=str(managed.folder.path),
        output_path=str(settings.output),
        no_phrases=phrases.refusal(managed),
    )
