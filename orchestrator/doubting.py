"""How far a single answer is believed: from which probability on it is more likely a slip than right.

People err, and in a rare class the errors that cost most are those to the images of the others: of 500 answers with one error in
twenty some 24 are a yes that is none, as many as a small class has positives. A yes that heads which have not seen it find
unlikely is therefore asked about once more, and where it is more likely wrong than right the head does not learn from it until
then. By Bayes' rule an answer is wrong with the odds e / (1 - e) * p' / (1 - p'), where e is the share of wrong answers and p'
the probability that the other answer is the true one. Heads predict what people say, slips and all: a yes is said with the
probability e + (1 - 2 e) p where it is true with p.

How often people err is learned as well: from how many of the doubted answers were contradicted when somebody looked again. People
who never err are so asked about little after the first few.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.labels import Labels

# Chances of being wrong from which on somebody is asked again; a no takes two to turn it.
_WRONG_YES, _WRONG_NO = 0.25, 0.43
# The one from which on a yes is held back: a new kind of positives looks a little like a slip.
_NOT_LEARNED = 0.5
_USUAL = 0.05  # share of wrong answers; with that, a third of what is doubted turns out to be wrong
# Answers that are thought to have been looked at again before the first: so few, to learn fast.
_WRONG, _REVIEWED = 0.5, 1.5
PATIENCE = 2  # rounds for which an answer may be held back: nobody may be there who could give another


@dataclass(frozen=True)
class Doubts:
    """Out-of-fold probabilities of a yes: lines between what is believed and what is not.

    Attributes:
        yes_below: a yes below is asked about again.
        learned_from: a new yes below is not learned from before that; at most ``yes_below``.
        no_above: a no above is asked about again.
    """

    yes_below: float
    learned_from: float
    no_above: float


def doubts(labels: Labels) -> Doubts:
    """From how many doubted answers were contradicted so far, by others or by those who gave them."""
    error = share_of_errors(labels)
    yes, held, no = (_turning_point(error, wrong) for wrong in (_WRONG_YES, _NOT_LEARNED, _WRONG_NO))
    return Doubts(_said(error, 1 - yes), _said(error, 1 - held), _said(error, no))


def share_of_errors(labels: Labels) -> float:
    """The share of answers that is thought to be wrong: 5 % before anybody has looked again, and less than 15 %."""
    wrong = (len(labels.disputed) + _WRONG) / (len(labels.reviewed) + _REVIEWED)
    return _USUAL * wrong * _REVIEWED / _WRONG


def _turning_point(error: float, wrong: float) -> float:
    """The probability that the other answer is true, with which an answer is wrong with the chance ``wrong``."""
    odds = wrong / (1 - wrong) * (1 - error) / error
    return odds / (1 + odds)


def _said(error: float, true: float) -> float:
    """The probability that somebody says yes where it is true with the probability ``true``."""
    return error + (1 - 2 * error) * true
