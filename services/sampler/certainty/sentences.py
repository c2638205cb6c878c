"""What audits cost and show, in words."""

from __future__ import annotations

from services.sampler.certainty.assessment import percent
from services.sampler.certainty.audits import PRECISION, Audit, Shown
from services.sampler.certainty.prevalence import Prevalence
from services.sampler.certainty.threshold import Line


def of_plan(kind: str, target: float, pool: int, found: int, draws: int | None) -> str:
    """What showing ``target`` costs."""
    if not draws and draws is not None:
        return f"{target:.4g} is shown without an audit: there is too little left to change it."
    if kind == PRECISION:
        return (
            f"To show a precision of {target:.4g} takes about {draws:,} of {pool:,} images if none of them is wrong; it cannot be"
            " shown with fewer."
        )
    if draws is None:
        return f"A recall of {target:.4g} cannot be shown before a positive is found."
    return (
        f"To show a recall of {target:.4g} with {found:,} found takes about {draws:,} of {pool:,} images if none of them is a"
        " surprise; it cannot be shown with fewer."
    )


def of_result(kind: str, audit: Audit, shown: Shown, confidence: float) -> str:
    """What a draw has shown."""
    if kind == PRECISION:
        named = f", together with the {audit.found:,} that people named" if audit.found else ""
        return (
            f"{audit.positive} of {audit.drawn} drawn images belong there{named}: precision at least"
            f" {percent(shown.at_least)} with {percent(confidence)} confidence."
        )
    hits = audit.positive + audit.doubtful
    return (
        f"{hits} of {audit.drawn} drawn images count as positive: recall about {percent(shown.estimate)}, at least"
        f" {percent(shown.at_least)} with {percent(confidence)} confidence (at most {shown.at_most:,} positives were in the"
        f" {audit.pool:,} images that it was drawn from)."
    )


def of_prevalence(pool: int, bounds: Prevalence, confidence: float) -> str:
    """How many of all images are positive, and by what."""
    unknown = f" and {bounds.unknown:,} neither yes nor no, which count either way" if bounds.unknown else ""
    return (
        f"{bounds.at_least:,} to {bounds.at_most:,} of {pool:,} images are positive with {percent(confidence)} confidence:"
        f" of the first {bounds.drawn:,} drawn by lot {bounds.positive:,} have a yes{unknown}."
    )


def of_threshold(target: float, line: Line | None) -> str:
    """Where the line is drawn."""
    if line is None:
        return f"The head is not sure enough of any images to prove a precision of {target:.4g}; label more, and try again."
    sure = percent(line.expected)
    accepted = f"{line.accepted:,} images from a probability of {line.threshold:.3g} on, expected to be {sure} right"
    if not line.review:
        return f"{accepted}."
    return (
        f"{accepted}; with the {line.review:,} below, which are to be looked at, the whole takes about"
        f" {line.draws + line.review:,} swipes, and with another line more."
    )
