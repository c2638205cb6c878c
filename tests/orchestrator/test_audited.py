"""An audit of recall follows the answers as they change, and says what its bound does not."""

from __future__ import annotations

import pytest

from orchestrator.audited import Audited
from orchestrator.auditing import told
from orchestrator.clients.certainty import AuditRef
from orchestrator.clients.labeler import Answer
from orchestrator.labels import Labels

YES, NO, UNSURE = Answer.POSITIVE, Answer.NEGATIVE, Answer.UNSURE
AUDIT = Audited(pool=90, items=(7, 5, 9, 6), before=frozenset({1, 2, 3}))
SAID = {1: YES, 2: NO, 3: UNSURE, 7: NO, 5: YES, 9: UNSURE, 6: NO}


def by(**changes: Answer | None) -> AuditRef:
    answers = {**SAID, **{int(item[1:]): answer for item, answer in changes.items()}}
    return AUDIT.by(Labels(9, {item: answer for item, answer in answers.items() if answer is not None}, {}))


def test_answers_are_counted_as_they_are() -> None:
    assert by() == AuditRef(pool=90, drawn=4, positive=1, found=1, doubtful=1)


def test_a_yes_outside_the_draw_is_none_of_the_audit() -> None:
    assert by(_40=YES) == by()


@pytest.mark.parametrize("back", [NO, UNSURE, None])
def test_a_positive_that_is_taken_back_was_none(back: Answer | None) -> None:
    assert by(_1=back).found == 0


def test_a_no_before_the_draw_that_becomes_a_yes_is_one_positive_more() -> None:
    """As second opinions and settled votes make it: without that, the bound would take it for one that was missed."""
    assert by(_2=YES).found == 2
    assert by(_3=YES).found == 2


def test_a_drawn_image_whose_answer_changes_counts_by_the_new_one() -> None:
    assert (by(_7=YES).positive, by(_7=YES).doubtful) == (2, 1)
    assert (by(_7=None).positive, by(_7=None).doubtful) == (1, 2)
    assert by(_9=NO).doubtful == 0


def test_what_the_bound_does_not_say_is_said() -> None:
    whole = AuditRef(pool=90, drawn=4, positive=1, found=1)
    assert told("Recall.", whole, 4, 1) == "Recall."
    assert (
        told("Recall.", whole.model_copy(update={"doubtful": 2}), 4, 1) == "Recall. 2 unsure answers count against it."
    )
    assert told("Recall.", whole, 10, 1).endswith(
        "Only the first 4 of 10 were answered: that is as good where the end did not depend on the answers."
    )
    assert "It is draw 3 of this kind: each bound holds" in told("Recall.", whole, 4, 3)
