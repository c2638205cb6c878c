from __future__ import annotations

from services.labeler.recent import Lately


def test_a_key_is_new_once() -> None:
    lately = Lately(10, 60)
    assert [lately.add(key) for key in ("a", "b", "a", ("a", 1))] == [True, True, False, True]


def test_the_oldest_make_room() -> None:
    lately = Lately(2, 60)
    for key in (1, 2, 3):
        lately.add(key)
    assert not lately.add(3)
    assert lately.add(1)


def test_after_its_time_a_key_is_new_again() -> None:
    lately = Lately(10, 0)
    assert lately.add("a")
    assert lately.add("a")
