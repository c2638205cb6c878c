"""The short report that a run ends with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.outputs.curated import Quality
from orchestrator.shares import percent


@dataclass(frozen=True)
class EndReport:
    """What a person wants to know at the end.

    Attributes:
        images: in the data set.
        quarantined: of these, not readable.
        rounds: after the seed set.
        labels: answers given, unsure ones included.
        positives, negatives, unsure: of these.
        curated_positive, curated_negative: images on each side of the curated set.
        true_positives: truly positive images in the data set; None where file names do not tell.
        quality: of the curated set; None where file names do not tell.
        missing: images that were gone at the end.
        shown: what audits have shown: name -> sentence.
        places: what -> where it is, in the order to show them.
    """

    images: int
    quarantined: int
    rounds: int
    labels: int
    positives: int
    negatives: int
    unsure: int
    curated_positive: int
    curated_negative: int
    true_positives: int | None = None
    quality: Quality | None = None
    missing: int = 0
    shown: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Path] = field(default_factory=dict)


def lines(report: EndReport) -> list[tuple[str, str]]:
    """The report as pairs of a short name and what there is to say."""
    found = [("images", _images(report)), ("labels used", _labels(report)), ("positives found", _found(report))]
    found.append(("curated set", f"{report.curated_positive:,} positive, {report.curated_negative:,} negative"))
    if report.quality is not None:
        found.append(("precision", _percent(report.quality.precision, "of the positive side is truly positive")))
        found.append(
            ("recall", _percent(report.quality.recall, "of the truly positive images is on the positive side"))
        )
    found += report.shown.items()
    return found + [(what, visible(str(place))) for what, place in report.places.items()]


def as_text(report: EndReport) -> str:
    """The report as plain lines, for logs and pipes."""
    pairs = lines(report)
    width = max(len(what) for what, _ in pairs)
    return "\n".join(f"{what:<{width}}  {text}" for what, text in pairs)


def visible(text: str) -> str:
    """Text with what a terminal could not show, or would obey, written as an escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode() for char in text
    )


def _images(report: EndReport) -> str:
    aside = f", {report.quarantined:,} of them unreadable and set aside" if report.quarantined else ""
    gone = f", {report.missing:,} gone at the end" if report.missing else ""
    return f"{report.images:,}{aside}{gone}"


def _labels(report: EndReport) -> str:
    kinds = f"{report.positives:,} positive, {report.negatives:,} negative"
    unsure = f", {report.unsure:,} unsure" if report.unsure else ""
    rounds = f"{report.rounds} round{'' if report.rounds == 1 else 's'}"
    return f"{report.labels:,} ({kinds}{unsure}) in the seed set and {rounds}"


def _found(report: EndReport) -> str:
    if report.true_positives is None:
        return f"{report.positives:,} by labels"
    at_random = report.labels * report.true_positives / max(1, report.images)
    return f"{report.positives:,} by labels, of {report.true_positives:,} there are (at random: about {at_random:,.0f})"


def _percent(share: float, of_what: str) -> str:
    return "not defined" if math.isnan(share) else f"{percent(share, 1)} {of_what}"
