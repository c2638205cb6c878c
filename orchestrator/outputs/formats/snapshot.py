"""What every format is made from: each image with its side, and each label event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from orchestrator.clients.labeler import Remark
from orchestrator.outputs.curated import NEGATIVE, POSITIVE
from orchestrator.outputs.final_dataset import Curated, Mode

SIDES = {POSITIVE: "positive", NEGATIVE: "negative"}
RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the label log, as `protos/labeler.proto` has it.

    Attributes:
        answer: "positive", "negative", "unsure" or "retracted".
        time_ms: since 1970, UTC.
        late: the card was somebody else's, answered or withdrawn already.
        scores_shown: whoever answered saw why the image was chosen, and its probability.
        head_position: of the label log that the head had learned that chose the image; None where none did.
    """

    position: int
    item: int
    answer: str
    round: int
    annotator: str
    time_ms: int
    reason: str = ""
    late: bool = False
    head_position: int | None = None
    scores_shown: bool = False


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image.

    Attributes:
        path: relative to the data root; as the system gives it, see `text_names`.
        sha256: of its content as it was embedded, in hexadecimal; "" where it could not be read.
        side: "positive", "negative", or "" for neither.
        source: "label" or "prediction"; "" for neither.
        probability: of the positive class; None where there is none.
        bin: "accept" (on the positive side), "reject", "review" (neither), or "unreadable".
        answer: what counts: "positive", "negative" or "unsure"; "" without a label.
        annotator: who gave it; "" without a label.
        round: that it was given in; None without a label.
        flagged: somebody wants it looked at again.
        notes: of people, the oldest first, each with its author.
    """

    item: int
    path: str
    sha256: str
    side: str
    source: str
    probability: float | None
    bin: str
    answer: str
    annotator: str
    round: int | None
    flagged: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """A run's results at one moment.

    Attributes:
        curated: images, sides, probabilities.
        positive_name: what the positive class is called.
        events: the label log, oldest first.
        readable: bool [rows], which images have an embedding.
        mode: how images get into formats that hold images.
        threshold: images are predicted positive from this probability on.
        review_from: those that are not, but have at least this one, are for review: a proof moves the threshold up; 1: none.
        remarks: flags and notes, the oldest first.
    """

    curated: Curated
    positive_name: str
    events: Sequence[Event] = ()
    readable: NDArray[np.bool_] | None = None
    mode: Mode = "copy"
    threshold: float = 0.5
    review_from: float = 1.0
    remarks: Sequence[Remark] = ()
    _counting: Mapping[int, Event] = field(init=False, repr=False)
    _remarked: Mapping[int, list[Remark]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_counting", _newest(self.events))
        remarked: dict[int, list[Remark]] = {}
        for remark in self.remarks:
            remarked.setdefault(remark.item, []).append(remark)
        object.__setattr__(self, "_remarked", remarked)

    @property
    def classes(self) -> tuple[str, str]:
        """The names of the positive and of the negative class."""
        return self.positive_name, f"not {self.positive_name}"

    def class_of(self, side: str) -> str:
        """The name of the class of a side, "positive" or "negative"."""
        return self.classes[0 if side == SIDES[POSITIVE] else 1]

    def images(self) -> Iterator[ImageRecord]:
        """All images in the order of the catalog."""
        for item in range(len(self.curated.paths)):
            yield self.image(item)

    def image(self, item: int) -> ImageRecord:
        """One image."""
        made = self.curated
        side = SIDES.get(int(made.sides.side[item]), "")
        labelled, score = bool(made.sides.labelled[item]), float(made.scores[item])
        event = self._counting.get(item) if labelled else None
        remarks = self._remarked.get(item, ())
        digest = made.sha256[item] if made.sha256 is not None else None
        return ImageRecord(
            item=item,
            path=made.paths[item],
            sha256=digest.tobytes().hex() if digest is not None and digest.any() else "",
            side=side,
            source=("label" if labelled else "prediction") if side else "",
            probability=None if np.isnan(score) else score,
            bin=self._bin(item, side, labelled, score),
            answer=event.answer if event else "",
            annotator=event.annotator if event else "",
            round=event.round if event else None,
            flagged=any(remark.flag for remark in remarks),
            notes=tuple(f"{remark.annotator}: {remark.note}" for remark in remarks if remark.note),
        )

    def votes(self) -> dict[int, list[Event]]:
        """Item -> the newest answer of each annotator, without those that were taken back, in the order they were given."""
        newest: dict[int, dict[str, Event]] = {}
        for event in self.events:
            of_item = newest.setdefault(event.item, {})
            of_item.pop(event.annotator, None)
            if event.answer != RETRACTED:
                of_item[event.annotator] = event
        return {item: list(votes.values()) for item, votes in newest.items() if votes}

    def _bin(self, item: int, side: str, labelled: bool, score: float) -> str:
        if self.readable is not None and not self.readable[item]:
            return "unreadable"
        if not labelled and self.review_from <= score < self.threshold:
            return "review"
        return {"positive": "accept", "negative": "reject"}.get(side, "review")


def _newest(events: Sequence[Event]) -> dict[int, Event]:
    newest: dict[int, Event] = {}
    for event in events:
        if event.answer == RETRACTED:
            newest.pop(event.item, None)
        else:
            newest[event.item] = event
    return newest
