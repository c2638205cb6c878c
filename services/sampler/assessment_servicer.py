"""The sampler's answers about how sure a search may be: messages to arrays, and back."""

from __future__ import annotations

import grpc
import numpy as np
from numpy.typing import NDArray

from protos import sampler_pb2
from protos.common_pb2 import Artifact, Items, Labels
from protos.errors import InvalidInputError
from protos.wire import from_items, from_labels
from services.common.arrays import map_array
from services.common.artifacts import ArtifactStore
from services.sampler.certainty import audits, sentences
from services.sampler.certainty.assessment import Assessment, Evidence, Light, assess
from services.sampler.certainty.prevalence import bound_prevalence
from services.sampler.certainty.threshold import cheapest_line, choose_threshold
from services.sampler.clusters import clusters_of


class AssessmentServicer:
    """Assess, the calls of audits, and what bounds the prevalence; it keeps nothing between calls."""

    _store: ArtifactStore

    def Assess(self, request: sampler_pb2.AssessRequest, context: grpc.ServicerContext) -> sampler_pb2.AssessResponse:
        """The three lights."""
        present = self._present(request.present)
        items, positive = _in_order(request.labels)
        clusters = clusters_of(self._store, request.vectors, request.present) if request.HasField("vectors") else None
        known = Evidence(
            present=present,
            asked=_mask(request.asked, len(present)) | _mask(Items(item=request.labels.item), len(present)),
            items=items,
            positive=positive,
            scores=self._scores(request.scores) if request.HasField("scores") else None,
            previous=self._scores(request.previous) if request.HasField("previous") else None,
            clusters=clusters,
            audit=_audit(request.audit) if request.HasField("audit") else None,
            threshold=request.threshold or 0.5,
            confidence=_confidence(request.confidence),
        )
        return _response(request.run, assess(known))

    def PlanAudit(
        self, request: sampler_pb2.PlanAuditRequest, context: grpc.ServicerContext
    ) -> sampler_pb2.PlanAuditResponse:
        """What an audit costs."""
        confidence = _confidence(request.confidence)
        draws = audits.plan(request.kind, request.target, request.pool, request.found, confidence)
        sentence = sentences.of_plan(request.kind, request.target, request.pool, request.found, draws)
        return sampler_pb2.PlanAuditResponse(run=request.run, draws=draws or 0, sentence=sentence)

    def DrawAudit(
        self, request: sampler_pb2.DrawAuditRequest, context: grpc.ServicerContext
    ) -> sampler_pb2.DrawAuditResponse:
        """The draw; the same request always gives the same items."""
        rng = np.random.default_rng(request.seed)
        if request.kind == audits.PREVALENCE:
            rows = audits.draw_rows(request.rows, request.count, rng)
            return sampler_pb2.DrawAuditResponse(run=request.run, item=rows.tolist(), pool=request.rows)
        present = self._present(request.present)
        pool = present & ~_mask(request.excluded, len(present))
        if request.kind == audits.PRECISION:
            scores = self._scores(request.scores)
            _check_rows(scores, present)
            pool &= scores >= np.float32(request.threshold)
        elif request.kind != audits.RECALL:
            raise InvalidInputError(f"there is no audit of {request.kind[:40]!r}; choose recall or precision")
        items = audits.draw(pool, request.count, rng)
        return sampler_pb2.DrawAuditResponse(run=request.run, item=items.tolist(), pool=int(pool.sum()))

    def JudgeAudit(
        self, request: sampler_pb2.JudgeAuditRequest, context: grpc.ServicerContext
    ) -> sampler_pb2.JudgeAuditResponse:
        """What a draw has shown."""
        audit, confidence = _audit(request.audit), _confidence(request.confidence)
        if request.kind not in (audits.RECALL, audits.PRECISION):
            raise InvalidInputError(f"there is no audit of {request.kind[:40]!r}; choose recall or precision")
        judge = audits.precision_shown if request.kind == audits.PRECISION else audits.recall_shown
        shown = judge(audit, confidence)
        return sampler_pb2.JudgeAuditResponse(
            run=request.run,
            estimate=shown.estimate,
            at_least=shown.at_least,
            shown=shown.at_least >= request.target - 1e-12,
            at_most=shown.at_most,
            sentence=sentences.of_result(request.kind, audit, shown, confidence),
        )

    def BoundPrevalence(
        self, request: sampler_pb2.BoundPrevalenceRequest, context: grpc.ServicerContext
    ) -> sampler_pb2.BoundPrevalenceResponse:
        """How many of all images are positive."""
        confidence = _confidence(request.confidence)
        bounds = bound_prevalence(request.pool, request.said, request.positives, request.negatives, confidence)
        return sampler_pb2.BoundPrevalenceResponse(
            run=request.run,
            at_least=bounds.at_least,
            at_most=bounds.at_most,
            drawn=bounds.drawn,
            positive=bounds.positive,
            unknown=bounds.unknown,
            sentence=sentences.of_prevalence(request.pool, bounds, confidence),
        )

    def ChooseThreshold(
        self, request: sampler_pb2.ChooseThresholdRequest, context: grpc.ServicerContext
    ) -> sampler_pb2.ChooseThresholdResponse:
        """Where to draw the line."""
        present, scores = self._present(request.present), self._scores(request.scores)
        _check_rows(scores, present)
        confidence = _confidence(request.confidence)
        pool = present & ~_mask(request.excluded, len(present))
        if request.lowest:
            line = cheapest_line(scores, pool, request.target, request.found, request.lowest, confidence)
        else:
            line = choose_threshold(scores, pool, request.target, confidence)
        answer = sampler_pb2.ChooseThresholdResponse(
            run=request.run, sentence=sentences.of_threshold(request.target, line)
        )
        if line is not None:
            answer.threshold, answer.accepted, answer.expected = line.threshold, line.accepted, line.expected
            answer.draws, answer.review = line.draws, line.review
        return answer

    def _scores(self, artifact: Artifact) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = map_array(self._store.open(artifact), np.float32, 1)
        return scores

    def _present(self, artifact: Artifact) -> NDArray[np.bool_]:
        return np.array(map_array(self._store.open(artifact), np.bool_, 1))


def _check_rows(scores: NDArray[np.float32], present: NDArray[np.bool_]) -> None:
    if len(scores) != len(present):
        raise InvalidInputError(
            f"{len(scores)} scores do not belong to {len(present)} items; score the newest generation again"
        )


def _in_order(labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Items [n] and labels [n] in the order of the answers, after the checks of the wire."""
    from_labels(labels)
    return np.array(labels.item, dtype=np.int64), np.frombuffer(labels.positive, dtype=np.uint8).astype(np.bool_)


def _mask(items: Items, rows: int) -> NDArray[np.bool_]:
    found = from_items(items)
    if len(found) and found.max() >= rows:
        raise InvalidInputError(f"item {found.max()} is named, but there are only {rows} items, counted from 0")
    mask = np.zeros(rows, dtype=np.bool_)
    mask[found.astype(np.int64)] = True
    return mask


def _audit(audit: sampler_pb2.Audit) -> audits.Audit:
    return audits.Audit(audit.pool, audit.drawn, audit.positive, audit.found, audit.doubtful)


def _confidence(given: float) -> float:
    confidence = given or audits.CONFIDENCE
    audits.check_share(confidence, "confidence")
    return confidence


def _light(light: Light) -> sampler_pb2.Light:
    return sampler_pb2.Light(colour=light.colour, text=light.text)


def _response(run: str, found: Assessment) -> sampler_pb2.AssessResponse:
    return sampler_pb2.AssessResponse(
        run=run,
        head=_light(found.head),
        coverage=_light(found.coverage),
        audit=_light(found.audit),
        kappa=found.kappa,
        clusters=found.clusters,
        visited=found.visited,
        recent_yield=found.recent_yield,
        model_recall=found.model_recall,
        audited_recall=found.audited_recall,
        audited_at_least=found.audited_at_least,
        advice=found.advice,
    )
