"""The three lights of a search: has the head settled, what has not been visited, how much was found."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan

import numpy as np
from numpy.typing import NDArray

from protos.errors import InvalidInputError
from services.sampler.certainty.audits import CONFIDENCE, RECALL, Audit, Shown, plan, recall_shown
from services.sampler.certainty.settled import kappa

RECENT = 50  # labels that the yield looks at
SETTLED, NEARLY = 0.99, 0.9  # kappa
WANTED = 0.9  # recall, for the advice
_RICH, _POOR = 0.1, 0.02  # yield
_VISITED = 0.9  # share of the clusters


@dataclass(frozen=True)
class Light:
    """A colour ("grey", "red", "amber" or "green") and what it says."""

    colour: str
    text: str


@dataclass(frozen=True)
class Evidence:
    """What is known of a search.

    Attributes:
        present: bool [rows], items with an embedding.
        asked: bool [rows], answered in any way.
        items: int64 [n], with yes or no, in the order of the answers.
        positive: bool [n], whether it was yes.
        scores, previous: float32 [rows], calibrated probabilities of the newest head and of the one before; may be None.
        clusters: int32 [rows], -1 where an item is in none; None where there are none.
        audit: the newest, may be None.
        threshold: where yes begins.
        confidence: of the bounds.
    """

    present: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    items: NDArray[np.int64]
    positive: NDArray[np.bool_]
    scores: NDArray[np.float32] | None = None
    previous: NDArray[np.float32] | None = None
    clusters: NDArray[np.int32] | None = None
    audit: Audit | None = None
    threshold: float = 0.5
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        rows = len(self.present)
        for name, array in (("scores", self.scores), ("previous scores", self.previous), ("clusters", self.clusters)):
            if array is not None and len(array) != rows:
                raise InvalidInputError(
                    f"{len(array)} {name} do not belong to {rows} items; score the newest generation again"
                )
        if len(self.items) and self.items.max() >= rows:
            raise InvalidInputError(
                f"there is a label of item {self.items.max()}, but there are only {rows} items, counted from 0"
            )

    @property
    def found(self) -> int:
        """Positives known by now."""
        return int(self.positive.sum())


@dataclass(frozen=True)
class Assessment:
    """The lights with their figures; not-a-number where there is nothing to go by."""

    head: Light
    coverage: Light
    audit: Light
    kappa: float
    clusters: int
    visited: int
    recent_yield: float
    model_recall: float
    audited_recall: float
    audited_at_least: float
    advice: str


def assess(known: Evidence) -> Assessment:
    """The three lights and advice in words; each light says no more than it knows."""
    agreement = _kappa(known)
    clusters, visited = _visited(known)
    recent = known.positive[-RECENT:]
    rate = float(recent.mean()) if len(recent) else nan
    shown = recall_shown(known.audit, known.confidence, known.found) if known.audit is not None else None
    return Assessment(
        head=_head_light(agreement),
        coverage=_coverage_light(recent, clusters, visited),
        audit=_audit_light(shown, known),
        kappa=agreement,
        clusters=clusters,
        visited=visited,
        recent_yield=rate,
        model_recall=_model_recall(known),
        audited_recall=shown.estimate if shown else nan,
        audited_at_least=shown.at_least if shown else nan,
        advice=_advice(known, recent, clusters, visited, shown),
    )


def _kappa(known: Evidence) -> float:
    if known.scores is None or known.previous is None:
        return nan
    both = known.present & np.isfinite(known.scores) & np.isfinite(known.previous)
    return kappa(known.scores[both] >= known.threshold, known.previous[both] >= known.threshold)


def _visited(known: Evidence) -> tuple[int, int]:
    """Clusters, and those of them with an answer in them."""
    if known.clusters is None:
        return 0, 0
    inside = known.clusters >= 0
    return len(np.unique(known.clusters[inside])), len(np.unique(known.clusters[inside & known.asked]))


def _model_recall(known: Evidence) -> float:
    """F / (F + the calibrated probabilities of what nobody has labelled): an estimate that hidden modes make too high."""
    if known.scores is None:
        return nan
    rest = known.scores[known.present & ~known.asked & np.isfinite(known.scores)].sum(dtype=np.float64)
    return float(known.found / (known.found + rest)) if known.found + rest > 0 else nan


def _head_light(agreement: float) -> Light:
    if isnan(agreement):
        return Light("grey", "It takes two heads that accept something to see whether the head has settled")
    figure = f"kappa {agreement:.3f} between the last two heads"
    if agreement >= SETTLED:
        return Light("green", f"The head has settled ({figure}); that does not mean that all is found")
    colour = "amber" if agreement >= NEARLY else "red"
    return Light(colour, f"The head still changes its mind ({figure})")


def _coverage_light(recent: NDArray[np.bool_], clusters: int, visited: int) -> Light:
    if not len(recent):
        return Light("grey", "There are no labels yet")
    text = f"{int(recent.sum())} of the last {len(recent)} labels were positive"
    if clusters:
        text += f"; {visited} of {clusters} clusters visited"
    wide = not clusters or visited >= _VISITED * clusters
    if len(recent) == RECENT and recent.mean() <= _POOR and wide:
        return Light("green", text)
    return Light("red" if recent.mean() >= _RICH else "amber", text)


def _audit_light(shown: Shown | None, known: Evidence) -> Light:
    if shown is None or known.audit is None or not known.audit.drawn:
        return Light("grey", "No audit yet: nobody knows how much was missed")
    colour = "green" if shown.at_least >= WANTED else "amber" if shown.at_least >= WANTED / 2 else "red"
    return Light(
        colour,
        f"Audited recall {percent(shown.estimate)}, at least {percent(shown.at_least)} with {percent(known.confidence)}"
        f" confidence ({known.audit.drawn} images drawn)",
    )


def _advice(known: Evidence, recent: NDArray[np.bool_], clusters: int, visited: int, shown: Shown | None) -> str:
    if not len(recent):
        return "Label a first batch."
    if recent.mean() >= _RICH:
        return f"Keep labeling: {int(recent.sum())} of the last {len(recent)} were positive."
    if shown is not None and shown.at_least >= WANTED:
        return f"At least {percent(shown.at_least)} of the positives are found: you can finish."
    if clusters and visited < _VISITED * clusters:
        return f"Keep labeling: {clusters - visited} of {clusters} clusters have not been visited yet (hybrid looks there)."
    pool = int((known.present & ~known.asked).sum())
    swipes = plan(RECALL, WANTED, pool, known.found, known.confidence)
    if swipes is None:
        return "Nothing was found yet, so no audit can show that much was; another reference image may help."
    if swipes == 0:
        return "Nearly every image is labelled: you can finish."
    return f"An audit of {swipes:,} images would show that at least {percent(WANTED)} are found, if it finds no other positive."


def percent(share: float) -> str:
    """A share rounded down to tenths of a percent, so that no bound is told better than it is."""
    return f"{int(share * 1000 + 1e-9) / 10:.3g} %"
