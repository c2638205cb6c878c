"""The loop of a run as the page may see it: through the orchestrator's control service, and only that."""

from __future__ import annotations

import json
import math
from typing import Any

import grpc

from protos import control_pb2, control_pb2_grpc, rpc
from protos.errors import DeadlineError, NotFoundError, UnavailableError
from services.labeler.text import clean_lines

_PATIENCE_S = 5.0
_LONGEST_MESSAGE = 5000
_MAP_S = 600.0  # drawing the map of a million vectors, once
_PREPARED = ("data", "configuration", "encoder")
_LONG_S = 60.0  # embedding a picture, or a million scores


class Loop:
    """Where runs stand, and what they ask.

    Args:
        control: address of the control service; None where there is none.
        tls: of the connection.
    """

    def __init__(self, control: str | None, tls: rpc.Tls | None = None) -> None:
        self._channel: grpc.Channel | None = rpc.connect(control, timeout_s=_PATIENCE_S, tls=tls) if control else None

    @property
    def is_known(self) -> bool:
        """Whether there is a control service to ask."""
        return self._channel is not None

    def close(self) -> None:
        """Hangs up."""
        if self._channel is not None:
            self._channel.close()

    def status(self, run: str) -> dict[str, Any]:
        """Where a run stands: state, round, counts, and the question that waits for an answer, if there is one.

        The message is why it failed, or what came of it; it may name places of the host.

        Raises:
            NotFoundError: when nobody works on the run.
            UnavailableError: when the orchestrator does not answer.
        """
        stub = self._stub()
        status = stub.GetRun(control_pb2.GetRunRequest(run=run))
        progress = stub.GetProgress(control_pb2.GetProgressRequest(run=run))
        question = status.question
        asked = {
            "id": question.id,
            "text": question.text,
            "choices": list(question.choices),
            "optional": question.optional,
            "wants_example": question.wants_example,
        }
        return {
            "run": run,
            "state": status.state,
            "round": status.round,
            "step": status.step,
            "images": status.images,
            "quarantined": status.quarantined,
            "labels": status.labels,
            "positives": status.positives,
            "question": asked if status.HasField("question") else None,
            "lights": _lights(progress),
            "advice": progress.advice,
            "message": clean_lines(status.message, _LONGEST_MESSAGE),
            "no_phrases": clean_lines(status.no_phrases, _LONGEST_MESSAGE),
            "rounds": _course(progress, status.labels, status.positives),
        }

    def waiting(self, run: str) -> dict[str, Any]:
        """What somebody without a card waits for: whether the loop asks something, and the long step before the first cards.

        Where nobody can say, it does not, and there is no such step.
        """
        try:
            status = self._stub().GetRun(control_pb2.GetRunRequest(run=run))
            early = status.state == "running" and status.round == 0
            work = _work(self._stub().GetDashboard(control_pb2.GetDashboardRequest(run=run))) if early else None
        except (NotFoundError, UnavailableError, DeadlineError):
            return {"run": run, "asks": False, "work": None}
        return {"run": run, "asks": bool(status.HasField("question") and not status.question.optional), "work": work}

    def answer(self, run: str, question: str, answer: str) -> bool:
        """Answers the open question; False when somebody was faster.

        Raises:
            InvalidInputError: when the question does not take this answer.
        """
        request = control_pb2.AnswerQuestionRequest(run=run, question=question, answer=answer)
        return bool(self._stub().AnswerQuestion(request).accepted)

    def dashboard(self, run: str) -> dict[str, Any]:
        """What the dashboard draws; figures that are not known are None."""
        found = self._stub().GetDashboard(control_pb2.GetDashboardRequest(run=run), timeout=_LONG_S)
        return {
            "run": run,
            "pool": list(found.pool),
            "sampled": list(found.sampled),
            "sampled_round": found.sampled_round,
            "heads": [_head(head) for head in found.heads],
            "prevalence": [_known(found.prevalence_at_least), _known(found.prevalence_at_most)],
            "drawn": found.prevalence_drawn,
            "step": found.step,
            "done": found.done,
            "total": found.total,
            "per_second": _known(found.per_second),
            "workers": [{"name": w.name, "device": w.device, "per_second": w.per_second} for w in found.workers],
            "continuous": found.continuous,
            "threshold": found.threshold,
        }

    def search(self, run: str, query: bytes | int | str, k: int) -> tuple[list[int], list[float]]:
        """Items that look like a picture (bytes of a file) or an item, or that a phrase means; and their distances.

        Raises:
            InvalidInputError: when the picture is no image, there is no such item, or the encoder understands no text.
            ConflictError: when there is no index yet.
        """
        kind = {bytes: "picture", int: "item", str: "phrase"}[type(query)]
        request = control_pb2.SearchRequest(run=run, k=k, **{kind: query})  # type: ignore[arg-type]
        found = self._stub().Search(request, timeout=_LONG_S)
        return list(found.item), list(found.distance)

    def scores(self, run: str) -> bytes:
        """The probability of each item, float32 little-endian; not-a-number where there is none."""
        return self._values(run, "scores", 4)

    def quarantine(self, run: str) -> dict[int, str]:
        """Item -> why it was set aside.

        Raises:
            ConflictError: when nothing is embedded yet.
        """
        return {int(item): str(reason) for item, reason in json.loads(self._values(run, "quarantine", 1)).items()}

    def map(self, run: str, known: str = "") -> tuple[str, bytes | None]:
        """The version of the map, and the point of each item, x and y as uint16 little-endian (65535: none).

        Args:
            known: a version whose points the caller has; for it, the points are None.

        Raises:
            ConflictError: when nothing is embedded yet.
        """
        request = control_pb2.GetValuesRequest(run=run, kind="map", count=1)
        version = str(self._stub().GetValues(request, timeout=_MAP_S).version)
        return version, None if version == known else self._values(run, "map", 4)

    def queue(self, run: str, items: list[int]) -> int:
        """Puts images on offer that a person has chosen; how many of them are new.

        Raises:
            ConflictError: when the run cannot take any just now.
            InvalidInputError: for an item that there is not.
        """
        return int(self._stub().QueueItems(control_pb2.QueueItemsRequest(run=run, item=items), timeout=_LONG_S).added)

    def export(self, run: str, formats: list[str], models: list[str]) -> dict[str, Any]:
        """Begins to write labels, curated set and models; what became of it so far.

        Raises:
            ConflictError: when the run cannot be exported just now, or an export is at work.
            InvalidInputError: for what cannot be written.
        """
        request = control_pb2.ExportRunRequest(run=run, format=formats, model=models)
        return _exported(self._stub().ExportRun(request, timeout=_LONG_S))

    def exported(self, run: str) -> dict[str, Any]:
        """What became of the newest export: state, text, files."""
        return _exported(self._stub().GetExport(control_pb2.GetExportRequest(run=run)))

    def exported_part(self, run: str, name: str, offset: int) -> tuple[bytes, int, int]:
        """A part of one of its files from a byte on, the size of the file, and the number of the export.

        Raises:
            NotFoundError: when there is no such file.
        """
        request = control_pb2.ReadExportRequest(run=run, name=name, offset=offset)
        part = self._stub().ReadExport(request, timeout=_LONG_S)
        return part.data, int(part.size), int(part.export)

    def prepared(self) -> dict[str, list[dict[str, Any]]]:
        """What a run may be started with: number and name of data sets, configurations and encoders.

        Without an orchestrator there is nothing.
        """
        if self._channel is None:
            return {kind: [] for kind in _PREPARED}
        found = self._stub().ListPrepared(control_pb2.ListPreparedRequest(), timeout=_LONG_S)
        return {kind: [{"number": t.number, "name": t.name} for t in getattr(found, kind)] for kind in _PREPARED}

    def start(self, **choice: Any) -> str:
        """Starts a run of what was chosen, by the names of `StartPreparedRequest`; the name of the run.

        Raises:
            NotFoundError, InvalidInputError, ConflictError: when it cannot be started so.
        """
        return str(self._stub().StartPrepared(control_pb2.StartPreparedRequest(**choice), timeout=_LONG_S).run)

    def course(self, run: str) -> dict[str, Any]:
        """How far a run is that people cannot label yet: state, step, and what it ended with."""
        status = self._stub().GetRun(control_pb2.GetRunRequest(run=run))
        found = self._stub().GetDashboard(control_pb2.GetDashboardRequest(run=run), timeout=_LONG_S)
        return {
            "run": run,
            "state": status.state,
            "step": found.step or status.step,
            "done": found.done,
            "total": found.total,
            "per_second": _known(found.per_second),
            "message": status.message,
        }

    def set_continuous(self, run: str, on: bool) -> None:
        """Continuous mode on or off, from the next round on."""
        self._stub().SetContinuous(control_pb2.SetContinuousRequest(run=run, on=on))

    def stop(self, run: str) -> None:
        """Stops the run after its step; it can be resumed."""
        self._stub().StopRun(control_pb2.StopRunRequest(run=run))

    def _values(self, run: str, kind: str, width: int) -> bytes:
        """A long answer whole, of values ``width`` bytes wide."""
        parts: list[bytes] = []
        version, first = None, 0
        while True:
            request = control_pb2.GetValuesRequest(run=run, kind=kind, first=first)
            part = self._stub().GetValues(request, timeout=_LONG_S)
            if version not in (None, part.version):  # a new head has scored meanwhile
                parts, version, first = [], None, 0
                continue
            version = part.version
            parts.append(part.data)
            first += len(part.data) // width
            if first >= part.rows:
                return b"".join(parts)

    def _stub(self) -> Any:
        if self._channel is None:
            raise NotFoundError(
                "this labeler knows no orchestrator; set ACTIVE_LABELER_CONTROL to the address of its control service"
            )
        return control_pb2_grpc.ControlStub(self._channel)


def _work(board: Any) -> dict[str, Any] | None:
    """The long step at work, if there is one."""
    if not board.step:
        return None
    return {"step": board.step, "done": board.done, "total": board.total, "per_second": _known(board.per_second)}


def _exported(status: Any) -> dict[str, Any]:
    return {"run": status.run, "state": status.state, "text": status.text, "files": list(status.file)}


def _lights(progress: Any) -> list[dict[str, str]]:
    """Name, colour and words of each light that is there."""
    named = (("Head", "head"), ("Yield and coverage", "coverage"), ("Audit", "audit"))
    there = [(name, getattr(progress, field)) for name, field in named if progress.HasField(field)]
    return [{"name": name, "colour": light.colour, "text": light.text} for name, light in there]


def _course(progress: Any, labels: int, positives: int) -> list[dict[str, int]]:
    """Labels and positives at the start, after the seed set, after each round that is done, and now."""
    course = [{"labels": 0, "positives": 0}]
    for r in progress.rounds:
        both = r.positive + r.negative
        course.append({"labels": course[-1]["labels"] + both, "positives": course[-1]["positives"] + r.positive})
    now = {"labels": labels, "positives": positives}
    before = [point for point in course if point["labels"] < labels]  # second opinions may have taken some back since
    return [*before, now] if labels else course[:1]


def _known(figure: float) -> float | None:
    return None if math.isnan(figure) else figure


def _head(head: Any) -> dict[str, float | None]:
    figures = {name: _known(getattr(head, name)) for name in ("f1", "precision", "recall", "accuracy", "seconds")}
    return {"round": head.round, **figures}
