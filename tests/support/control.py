"""A control service that a test leads: it says what is put into it and notes what it is asked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np

from protos import control_pb2, control_pb2_grpc
from protos.errors import ActiveLabelerError, ConflictError, NotFoundError, UnavailableError
from protos.rpc import Registration

QUESTION = control_pb2.Question(id="round-1/choice", text="Train [l] or finish [q]?", choices=["l", "q"])


class Control(control_pb2_grpc.ControlServicer):
    """One run, named "r".

    Attributes:
        events: shown to whoever watches; their numbers are their places from 1.
        answers: as they came.
        lost: so many of the answers get an UNAVAILABLE.
        status: of the run; none when it is not known.
        progress: of the run.
        dashboard: of the run.
        scores: of the items; sent in parts of ``part`` of them.
        quarantine: item -> reason; sent like the scores.
        refusal: a sentence that whoever asks for values gets instead.
        error: what whoever asks where the run stands gets instead.
        points: of the map, y in the upper half of each; sent like the scores.
        queued: items that were put on offer, by call.
        searched: requests of searches, which find the items of ``found``.
        continuous: as it was set last.
        stopped: whether the run was told to stop.
        exports: formats and models that were asked for, by call.
        exported: what is said of them.
        files: of the newest export.
        prepared: what runs may be started of.
        chosen: requests to start one.
        asked: how often somebody has asked where the run stands.
    """

    def __init__(self, *events: control_pb2.RunEvent) -> None:
        self.events = list(events)
        self.answers: list[str] = []
        self.lost = 0
        self.status: control_pb2.RunStatus | None = control_pb2.RunStatus(run="r", state="running")
        self.progress = control_pb2.Progress(run="r")
        self.dashboard = control_pb2.Dashboard(run="r", per_second=float("nan"), prevalence_at_least=float("nan"))
        self.dashboard.prevalence_at_most = float("nan")
        self.scores = np.empty(0, dtype=np.float32)
        self.part = 4
        self.quarantine: dict[int, str] = {}
        self.refusal = ""
        self.error: ActiveLabelerError | None = None
        self.points = np.empty(0, dtype=np.uint32)
        self.queued: list[list[int]] = []
        self.searched: list[control_pb2.SearchRequest] = []
        self.found: list[int] = []
        self.continuous: bool | None = None
        self.stopped = False
        self.exports: list[tuple[list[str], list[str]]] = []
        self.exported = control_pb2.ExportStatus(run="r")
        self.files: dict[str, bytes] = {}
        self.exported_number = 1
        self.prepared = control_pb2.Prepared()
        self.chosen: list[control_pb2.StartPreparedRequest] = []
        self.watched = self.asked = 0

    def StartRun(self, request: Any, context: grpc.ServicerContext) -> control_pb2.StartRunResponse:
        return control_pb2.StartRunResponse(run="r")

    def ListPrepared(self, request: Any, context: grpc.ServicerContext) -> control_pb2.Prepared:
        return self.prepared

    def StartPrepared(self, request: Any, context: grpc.ServicerContext) -> control_pb2.StartRunResponse:
        if self.error is not None:
            raise self.error
        self.chosen.append(request)
        return control_pb2.StartRunResponse(run="r")

    def GetRun(self, request: Any, context: grpc.ServicerContext) -> control_pb2.RunStatus:
        self.asked += 1
        if self.error is not None:
            raise self.error
        if self.status is None:
            raise NotFoundError(f"there is no run {request.run!r}")
        return self.status

    def GetProgress(self, request: Any, context: grpc.ServicerContext) -> control_pb2.Progress:
        return self.progress

    def GetDashboard(self, request: Any, context: grpc.ServicerContext) -> control_pb2.Dashboard:
        return self.dashboard

    def GetValues(self, request: Any, context: grpc.ServicerContext) -> control_pb2.Values:
        if self.refusal:
            raise ConflictError(self.refusal)
        text = np.frombuffer(json.dumps(self.quarantine).encode(), dtype=np.uint8)
        values = {"quarantine": text, "map": self.points}.get(request.kind, self.scores)
        data = values[request.first : request.first + self.part].tobytes()
        return control_pb2.Values(run="r", version="v", rows=len(values), first=request.first, data=data)

    def Search(self, request: Any, context: grpc.ServicerContext) -> control_pb2.SearchResponse:
        self.searched.append(request)
        found = self.found[: request.k]
        return control_pb2.SearchResponse(run="r", item=found, distance=[0.1 * n for n in range(len(found))])

    def SetContinuous(self, request: Any, context: grpc.ServicerContext) -> control_pb2.SetContinuousResponse:
        self.continuous = request.on
        return control_pb2.SetContinuousResponse(run="r", on=request.on)

    def QueueItems(self, request: Any, context: grpc.ServicerContext) -> control_pb2.QueueItemsResponse:
        self.queued.append(list(request.item))
        return control_pb2.QueueItemsResponse(run="r", added=len(request.item))

    def ExportRun(self, request: Any, context: grpc.ServicerContext) -> control_pb2.ExportStatus:
        if self.refusal:
            raise ConflictError(self.refusal)
        self.exports.append((list(request.format), list(request.model)))
        self.exported = control_pb2.ExportStatus(run="r", state="working")
        return self.exported

    def GetExport(self, request: Any, context: grpc.ServicerContext) -> control_pb2.ExportStatus:
        return self.exported

    def ReadExport(self, request: Any, context: grpc.ServicerContext) -> control_pb2.ReadExportResponse:
        if request.name not in self.files:
            raise NotFoundError(f"the newest export has no file {request.name!r}")
        data = self.files[request.name]
        part = data[request.offset : request.offset + self.part]
        return control_pb2.ReadExportResponse(run="r", data=part, size=len(data), export=self.exported_number)

    def StopRun(self, request: Any, context: grpc.ServicerContext) -> control_pb2.StopRunResponse:
        self.stopped = True
        return control_pb2.StopRunResponse(run="r")

    def WatchRun(self, request: Any, context: grpc.ServicerContext) -> Iterator[control_pb2.RunEvent]:
        self.watched += 1
        after = request.after
        while context.is_active():
            for number, event in enumerate(list(self.events), start=1):
                if number > after:
                    after = event.sequence = number
                    yield event
                    if event.state == "finished":
                        return
            time.sleep(0.05)

    def AnswerQuestion(self, request: Any, context: grpc.ServicerContext) -> control_pb2.AnswerQuestionResponse:
        self.answers.append(request.answer)
        if len(self.answers) <= self.lost:
            raise UnavailableError("the orchestrator is being restarted")
        self.events.append(control_pb2.RunEvent(run="r", text="The report", state="finished"))
        return control_pb2.AnswerQuestionResponse(run="r", accepted=True)


def registration(servicer: Control) -> Registration:
    """What `protos.rpc.serve` needs to serve it."""
    add = control_pb2_grpc.add_ControlServicer_to_server
    return Registration("activelabeler.v1.Control", lambda server: add(servicer, server))
