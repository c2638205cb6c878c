"""How many images are positive, by the answers to a draw from all of them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

DRAW = "early/draw"  # the step that draws images to be labelled while the others are embedded
PREVALENCE = "prevalence"  # the reason of their cards


class Prevalence(BaseModel):
    """Bounds by what people said to a draw, as of a position of the label log.

    Attributes:
        at_least, at_most: positives among the ``images`` that can be read.
        drawn: images of the draw that the bounds come from; 0: too few have an answer to say anything.
        audited: an audit of recall has drawn at least as many since, and takes their place.
    """

    model_config = ConfigDict(frozen=True)
    at_least: int
    at_most: int
    images: int
    drawn: int
    sentence: str
    audited: bool = False

    @property
    def counts(self) -> bool:
        """Whether it is the newest word on how many there are."""
        return self.drawn > 0 and not self.audited

    def shares(self, positives: int) -> tuple[float, float]:
        """The share of positives among the images, at least and at most; ``positives`` are known by now."""
        known = min(max(self.at_least, positives), self.at_most)
        return known / self.images, self.at_most / self.images
