"""The dashboard's figures in a terminal: from the journal, and from control service and labeler where there is one to ask."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc

from orchestrator.clients.caller import Caller
from orchestrator.clients.labeler import Annotator, LabelerClient
from orchestrator.folder import RunFolder
from orchestrator.journal import is_at_work
from orchestrator.outputs.report import visible
from orchestrator.rates import duration
from orchestrator.service_settings import OrchestratorSettings
from orchestrator.shares import percent
from protos import control_pb2, control_pb2_grpc, labeler_pb2_grpc, rpc
from protos.errors import ActiveLabelerError

_PATIENCE_S = 5.0
_DRAWN_S = 30.0  # the pool of a million images is counted for it
_NAN = float("nan")
_COLUMN = 11  # letters before a figure
T = TypeVar("T")


class Asked:
    """Whom to ask about a run: the services of a deployment, or those that were started with a run at work here."""

    def __init__(self, folder: RunFolder, process: OrchestratorSettings) -> None:
        own = _addresses(folder) if is_at_work(folder.journal) else {}
        self._run, self._tls = folder.run, process.tls
        self._control = process.control or own.get("control")
        self._labeler = process.endpoints.labeler or own.get("labeler")

    def status(self) -> control_pb2.RunStatus | None:
        """Where the run stands; None where nobody is there to ask, is away, or does not know the run."""
        request = control_pb2.GetRunRequest(run=self._run)
        return self._of_control(lambda stub: control_pb2.RunStatus.FromString(stub.GetRun(request).SerializeToString()))

    def dashboard(self) -> control_pb2.Dashboard | None:
        """What the dashboard draws; None as above."""
        request = control_pb2.GetDashboardRequest(run=self._run)
        found: control_pb2.Dashboard | None = self._of_control(
            lambda stub: stub.GetDashboard(request, timeout=_DRAWN_S)
        )
        return found

    def labeling(self) -> list[str]:
        """Lines about the queue and about people; none where no labeler is there to ask."""
        if not self._labeler:
            return []
        with _channel(self._labeler, self._tls) as channel:
            client = LabelerClient(labeler_pb2_grpc.LabelerStub(channel), Caller(0.0))
            try:
                queue, (people, alpha) = client.queue(self._run, 0, all_rounds=True), client.annotators(self._run)
            except ActiveLabelerError:  # away, or the images are not listed yet
                return []
        return [
            f"  queue       {queue.open} on offer, {queue.held} of them in somebody's hands",
            *people_lines(people, alpha),
        ]

    def _of_control(self, ask: Callable[[Any], T]) -> T | None:
        if not self._control:
            return None
        with _channel(self._control, self._tls) as channel:
            try:
                return ask(control_pb2_grpc.ControlStub(channel))
            except ActiveLabelerError:
                return None


@contextmanager
def _channel(address: str, tls: rpc.Tls | None) -> Iterator[grpc.Channel]:
    channel = rpc.connect(address, timeout_s=_PATIENCE_S, tls=tls)
    try:
        yield channel
    finally:
        channel.close()


def _addresses(folder: RunFolder) -> dict[str, str]:
    try:
        found = json.loads(folder.services.read_bytes())
    except (OSError, ValueError):
        return {}
    return {name: place for name, place in found.items() if isinstance(place, str)} if isinstance(found, dict) else {}


def found_line(positives: int, labels: int, more: str = "") -> list[str]:
    """Positives against labels, unsure ones left out."""
    return (
        [f"  found       {positives} positive in {labels} labels ({_percent(positives / labels)}){more}"]
        if labels
        else []
    )


def quality_line(results: dict[str, Any]) -> list[str]:
    """How good the newest head is on images that it has not seen."""
    trained = [(step, result) for step, result in results.items() if step.endswith(("/train", "/fine-tune"))]
    if not trained:
        return []
    step, quality = trained[-1][0], trained[-1][1].get("validation", {})
    names = (("F1", "f1"), ("precision", "precision"), ("recall", "recall"), ("accuracy", "accuracy"))
    figures = ", ".join(f"{word} {_percent(quality.get(name, _NAN))}" for word, name in names)
    of = step.partition("/")[0].replace("-", " ")
    images = quality.get("images", 0)
    how = f"cross-validated on {images} labels" if trained[-1][1].get("out_of_fold") else f"on {images} images held out"
    return [f"  newest head {of}: {figures}, {how}"]


def prevalence_line(at_least: float, at_most: float, drawn: int) -> list[str]:
    """Which share of all images is positive, where an audit or, with so many images, the draw while embedding has bounded it."""
    if math.isnan(at_least):
        return []
    if drawn:
        low, high = _bound(at_least, math.floor), _bound(at_most, math.ceil)
        return [f"  positives   {low} to {high} of all images, by {drawn:,} drawn by lot (95 % confidence)"]
    return [
        f"  positives   {_percent(at_least)} of all images are found, {_percent(at_most)} is what the audit leaves room for"
    ]


def prevalence(positives: int, images: int, audited_at_least: float) -> tuple[float, float]:
    """The share of positives: at least what was found, at most what the audit's bound leaves room for; or not-a-numbers."""
    if not audited_at_least > 0 or images <= 0:
        return _NAN, _NAN
    return positives / images, min(1.0, positives / audited_at_least / images)


def pace_line(dashboard: control_pb2.Dashboard) -> list[str]:
    """The long step at work: how far, how fast, and how long it takes yet."""
    if not dashboard.step:
        return []
    rate, left = dashboard.per_second, dashboard.total - dashboard.done
    pace = ""
    if rate > 0:  # not-a-number is not
        pace = f", {rate:.{1 if rate < 10 else 0}f} a second, {duration(left / rate)} left"
    return [f"  {dashboard.step.lower():<{_COLUMN}} {dashboard.done:,} of {dashboard.total:,}{pace}"]


def people_lines(people: list[Annotator], alpha: float) -> list[str]:
    """A table of annotators, and how far they agree."""
    if not people:
        return []
    names = [visible(who.name) for who in people]
    width = max(_COLUMN, *map(len, names))
    lines = [f"  {'people':<{width}} answers   yes  unsure  taken back  a minute  agreement"]
    for name, who in zip(names, people, strict=True):
        speed = "–" if math.isnan(who.per_minute) else f"{who.per_minute:.0f}"
        yes, unsure = _share(who.positive, who.answers), _share(who.unsure, who.answers)
        agreed = _share(who.agreed, who.shared)
        lines.append(
            f"  {name:<{width}} {who.answers:>7,} {yes:>5} {unsure:>7} {who.undone:>11} {speed:>9} {agreed:>10}"
        )
    if not math.isnan(alpha):
        lines.append(f"  alpha       {alpha:.2f} (Krippendorff's: 1 is full agreement, 0 what chance gives)")
    return lines


def _share(part: int, whole: int) -> str:
    return _percent(part / whole) if whole else "–"


def _bound(share: float, whole: Callable[[float], int]) -> str:
    """A bound, rounded so that it still holds; ``share`` may be off by what floats are."""
    digits = 1 if share < 0.1 else 0
    parts, nudge = 100 * 10**digits, 1e-9 if whole is math.floor else -1e-9
    return percent(whole(share * parts + nudge) / parts, digits)


def _percent(share: float | None) -> str:
    if share is None or math.isnan(share):
        return "–"
    return percent(share, 1 if share < 0.1 else 0)
