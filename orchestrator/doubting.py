"""How far a single answer is believed: from which probability on it is more likely a slip than right.

People err, and in a rare class the errors that cost most are those to the images of the others: of 500 answers with one error in
twenty some 24 are a yes that is none, as many as a small class has positives. A yes that heads which have not seen it find
unlikely is therefore asked about once more, and the head does not learn from it until then. By Bayes' rule an answer is wrong
with the odds e / (1 - e) * p' / (1 - p'), where e is the share of wrong answers and p' the out-of-fold probability of the other
answer. How often people err is learned as well: from how many of the doubted answers were contradicted when somebody looked
again. People who never err are so asked about little after a few rounds.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.labels import Labels

_WRONG_YES, _WRONG_NO = 0.25, 0.3  # chances of being wrong from which on somebody is asked again
_USUAL = 0.05  # share of wrong answers; with that, a third of what is doubted turns out to be wrong
_WRONG, _REVIEWED = 1, 3  # answers that are thought to have been looked at again before the first
PATIENCE = 2  # rounds for which an answer may be held back: nobody may be there who could give another


@dataclass(frozen=True)
class Doubts:
    """A yes to an image with an out-of-fold probability below ``yes_below`` is doubted, and a no above ``no_above``."""

    yes_below: float
    no_above: float


def doubts(labels: Labels) -> Doubts:
    """From how many doubted answers were contradicted so far, by others or by those who gave them."""
    error = share_of_errors(labels)
    return Doubts(1 - _turning_point(error, _WRONG_YES), _turning_point(error, _WRONG_NO))


def share_of_errors(labels: Labels) -> float:
    """The share of answers that is thought to be wrong: 5 % before anybody has looked again, and less than 15 %."""
    wrong = (len(labels.disputed) + _WRONG) / (len(labels.reviewed) + _REVIEWED)
    return _USUAL * wrong * _REVIEWED / _WRONG


def _turning_point(error: float, wrong: float) -> float:
    """The probability of the other answer with which an answer is wrong with the chance ``wrong``."""
    odds = wrong / (1 - wrong) * (1 - error) / error
    return odds / (1 + odds)
