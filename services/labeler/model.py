"""The words of the labeler's core: what its two sides, gRPC and web, translate to and from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Answer(StrEnum):
    """What somebody said about an image."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNSURE = "unsure"
    RETRACTED = "retracted"  # an undo: the item is as if never answered


OPEN = "open"  # states of a card; the others are the answers
WITHDRAWN = "withdrawn"
CHOSEN = "chosen"  # reason of a card that a person asked for
PREVALENCE = "prevalence"  # of one that was drawn by lot while the images are embedded
ANSWERED = (Answer.POSITIVE.value, Answer.NEGATIVE.value, Answer.UNSURE.value)


@dataclass(frozen=True, slots=True)
class CatalogRef:
    """A catalog in the artifact store."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run and what the page says about it.

    Attributes:
        batch_size: cards between two end screens of the page.
        finished: the sentence that the page shows once labeling is over; None while it goes on.
        definition: what counts as yes and what does not; may have lines, may be empty.
        continuous: cards come without an end, and the page has no end screens.
        show_scores: the page says why an image was chosen, and its score.
    """

    run: str
    catalog: CatalogRef
    name: str
    question: str
    batch_size: int
    finished: str | None = None
    definition: str = ""
    continuous: bool = False
    show_scores: bool = False


@dataclass(frozen=True, slots=True)
class Offered:
    """An image that is worth asking about; the score is None where there is none.

    Attributes:
        second: a second opinion, for somebody who has not answered this image.
    """

    item: int
    reason: str = ""
    score: float | None = None
    second: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """An image in somebody's hands.

    Attributes:
        reason, score: why it was chosen, and its score, where the run shows them and it has them.
    """

    item: int
    round: int
    reason: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer on its way into the log.

    Attributes:
        sequence: the client's own number of it, by which a repeated one is known; None: the log's position is taken.
        scores_shown: whoever answered saw why the image was chosen, and its score.
    """

    item: int
    round: int
    answer: Answer
    sequence: int | None = None
    scores_shown: bool = False


@dataclass(frozen=True, slots=True)
class Author:
    """Who answers: the person (or program), and the client through which they do, a tab of a browser for example."""

    client: str
    annotator: str


@dataclass(frozen=True, slots=True)
class Event:
    """An answer in the log of a run.

    Attributes:
        position: from 1, without gaps.
        time_ms: of its arrival, since 1970, UTC.
        reason: why the card was offered.
        late: it came when the card was somebody else's, answered or withdrawn already. It counts all the same.
        scores_shown: whoever answered saw the reason, and the score.
    """

    position: int
    item: int
    answer: Answer
    round: int
    annotator: str
    time_ms: int
    reason: str
    late: bool
    scores_shown: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody says about an image besides an answer.

    Attributes:
        flag: somebody should look at it again.
        note: may be empty.
        time_ms: when it was recorded, since 1970, UTC.
    """

    item: int
    annotator: str
    flag: bool
    note: str
    time_ms: int = 0


@dataclass(slots=True)
class Outcome:
    """What became of entries, by their sequence numbers.

    Attributes:
        saved: in the log now, or there already.
        standing: undoes of answers that do not count any more, as somebody has answered since: that answer stands.
        refused: with the sentence why; sending them again will not help.
        added: how many events are new.
    """

    saved: list[int] = field(default_factory=list)
    standing: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    added: int = 0


@dataclass(frozen=True, slots=True)
class Queue:
    """How far a round is: cards by state, and the newest position of the log.

    Attributes:
        open: not answered, held ones included.
        held: of these, in somebody's hands.
    """

    run: str
    round: int
    open: int
    held: int
    positive: int
    negative: int
    unsure: int
    withdrawn: int
    last: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What the page shows of a run.

    Attributes:
        round, open, answered: of the round that is being labelled, or the newest one.
        positives: images with a positive label in all rounds.
        yours: answers of the annotator that stand.
    """

    round: int = 0
    open: int = 0
    answered: int = 0
    positives: int = 0
    yours: int = 0


@dataclass(frozen=True, slots=True)
class Visit:
    """What a page sends: its answers, the items that it holds, and how many it wants to hold.

    Attributes:
        leave: it closes; everything it holds goes back.
        reserve: what it holds is for a time without a network, and stays its own for an hour.
    """

    author: Author
    entries: tuple[Entry, ...] = ()
    hold: tuple[int, ...] = ()
    want: int = 0
    leave: bool = False
    reserve: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What a page gets back.

    Attributes:
        held: those of its items that are still its own.
        cards: cards that it holds from now on besides them.
        ahead: items that are likely to be asked for next, by anyone.
        others: clients at work besides this one.
    """

    run: Run
    outcome: Outcome
    held: list[int]
    cards: list[Card]
    ahead: list[int]
    others: int = 0
    progress: Progress = Progress()
