"""The sampler's client for how sure a search may be: lights, audits, thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from orchestrator.clients.caller import Caller
from orchestrator.clients.refs import ArtifactRef, GenerationRef
from protos import common_pb2, sampler_pb2
from protos.wire import to_items, to_labels

RECALL, PRECISION, PREVALENCE = "recall", "precision", "prevalence"
_LONG_S = 300


class Light(BaseModel):
    """A colour ("grey", "red", "amber" or "green") and what it says."""

    model_config = ConfigDict(frozen=True)
    colour: str
    text: str


class Assessed(BaseModel):
    """The three lights of a search, and advice in words; figures are not-a-number where there is nothing to go by."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")
    head: Light
    coverage: Light
    audit: Light
    model_recall: float
    audited_recall: float
    audited_at_least: float
    advice: str


class Drawn(BaseModel):
    """The draw of an audit: its items, and how many it was drawn from."""

    model_config = ConfigDict(frozen=True)
    items: list[int]
    pool: int


class AuditRef(BaseModel):
    """An audit and what people say to its draw; see ``Audit`` in the contracts."""

    model_config = ConfigDict(frozen=True)
    pool: int
    drawn: int
    positive: int
    found: int
    doubtful: int = 0


class Judged(BaseModel):
    """What a draw has shown."""

    model_config = ConfigDict(frozen=True)
    estimate: float
    at_least: float
    shown: bool
    sentence: str


class Bounds(BaseModel):
    """How many images of a pool are positive, and the beginning of a draw that says so; see ``BoundPrevalenceResponse``."""

    model_config = ConfigDict(frozen=True)
    at_least: int
    at_most: int
    drawn: int
    sentence: str


class Line(BaseModel):
    """Where the curated set would begin: threshold (0: nowhere), images from it on, swipes that prove it, images to review."""

    model_config = ConfigDict(frozen=True)
    threshold: float
    accepted: int
    draws: int
    sentence: str
    review: int = 0


class CertaintyClient:
    """What the labels so far show."""

    def __init__(self, stub: Any, call: Caller) -> None:
        self._stub, self._call = stub, call

    def assess(
        self,
        run: str,
        generation: GenerationRef,
        scores: ArtifactRef | None,
        previous: ArtifactRef | None,
        labelled: tuple[NDArray[np.uint64], NDArray[np.bool_]],
        asked: NDArray[np.uint64],
        audit: AuditRef | None,
        threshold: float,
    ) -> Assessed:
        """The three lights; ``labelled`` in the order of the answers, ``threshold`` where yes begins."""
        request = sampler_pb2.AssessRequest(
            run=run,
            scores=scores.to(common_pb2.Artifact) if scores else None,
            previous=previous.to(common_pb2.Artifact) if previous else None,
            present=generation.present.to(common_pb2.Artifact),
            vectors=generation.vectors.to(common_pb2.Artifact),
            labels=to_labels(*labelled),
            asked=to_items(asked),
            audit=_audit(audit) if audit else None,
            threshold=threshold,
        )
        answer = self._call(self._stub.Assess, request, _LONG_S)
        return Assessed(
            head=_light(answer.head),
            coverage=_light(answer.coverage),
            audit=_light(answer.audit),
            model_recall=answer.model_recall,
            audited_recall=answer.audited_recall,
            audited_at_least=answer.audited_at_least,
            advice=answer.advice,
        )

    def plan(self, run: str, target: float, found: int, pool: int) -> tuple[int, str]:
        """The swipes that an audit of recall costs when nothing surprises (0: it cannot be shown), and a sentence."""
        request = sampler_pb2.PlanAuditRequest(run=run, kind=RECALL, target=target, found=found, pool=pool)
        answer = self._call(self._stub.PlanAudit, request)
        return int(answer.draws), str(answer.sentence)

    def draw(
        self,
        run: str,
        kind: str,
        count: int,
        seed: int,
        generation: GenerationRef,
        asked: NDArray[np.uint64],
        scores: ArtifactRef | None = None,
        threshold: float = 0.0,
    ) -> Drawn:
        """So many items by lot: of all that was not asked, or with ``precision`` of what scores at least ``threshold``."""
        request = sampler_pb2.DrawAuditRequest(
            run=run,
            kind=kind,
            count=count,
            seed=seed,
            present=generation.present.to(common_pb2.Artifact),
            scores=scores.to(common_pb2.Artifact) if scores else None,
            excluded=to_items(asked),
            threshold=threshold,
        )
        answer = self._call(self._stub.DrawAudit, request, _LONG_S)
        return Drawn(items=list(answer.item), pool=answer.pool)

    def draw_rows(self, run: str, count: int, seed: int, rows: int) -> Drawn:
        """So many of all rows of a catalog by lot."""
        request = sampler_pb2.DrawAuditRequest(run=run, kind=PREVALENCE, count=count, seed=seed, rows=rows)
        answer = self._call(self._stub.DrawAudit, request, _LONG_S)
        return Drawn(items=list(answer.item), pool=answer.pool)

    def prevalence(self, run: str, pool: int, said: bytes, positives: int, negatives: int) -> Bounds:
        """How many of ``pool`` images are positive, by what is ``said`` to a draw (0 nothing, 1 yes, 2 no) and known of all."""
        request = sampler_pb2.BoundPrevalenceRequest(
            run=run, pool=pool, said=said, positives=positives, negatives=negatives
        )
        answer = self._call(self._stub.BoundPrevalence, request, _LONG_S)
        return Bounds(at_least=answer.at_least, at_most=answer.at_most, drawn=answer.drawn, sentence=answer.sentence)

    def judge(self, run: str, kind: str, audit: AuditRef, target: float) -> Judged:
        """What the draw has shown."""
        request = sampler_pb2.JudgeAuditRequest(run=run, kind=kind, audit=_audit(audit), target=target)
        answer = self._call(self._stub.JudgeAudit, request)
        return Judged(estimate=answer.estimate, at_least=answer.at_least, shown=answer.shown, sentence=answer.sentence)

    def threshold(
        self,
        run: str,
        target: float,
        generation: GenerationRef,
        scores: ArtifactRef,
        asked: NDArray[np.uint64],
        found: int,
        lowest: float,
    ) -> Line:
        """The threshold that is likely to be proved with the fewest swipes in all: its draw, and a review down to ``lowest``.

        ``found`` positives are in the set because people named them.
        """
        request = sampler_pb2.ChooseThresholdRequest(
            run=run,
            scores=scores.to(common_pb2.Artifact),
            present=generation.present.to(common_pb2.Artifact),
            excluded=to_items(asked),
            target=target,
            found=found,
            lowest=lowest,
        )
        answer = self._call(self._stub.ChooseThreshold, request, _LONG_S)
        return Line(
            threshold=answer.threshold,
            accepted=answer.accepted,
            draws=answer.draws,
            sentence=answer.sentence,
            review=answer.review,
        )


def _audit(audit: AuditRef) -> sampler_pb2.Audit:
    return sampler_pb2.Audit(
        pool=audit.pool, drawn=audit.drawn, positive=audit.positive, found=audit.found, doubtful=audit.doubtful
    )


def _light(light: Any) -> Light:
    return Light(colour=light.colour, text=light.text)
