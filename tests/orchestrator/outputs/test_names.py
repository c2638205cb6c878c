"""Flat names: one for each image, never two the same."""

from __future__ import annotations

import os
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.outputs.names import flat_names


def folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def test_names_that_are_alone_stay() -> None:
    assert flat_names(["a/x.png", "b/y.png", "-z.png"]) == ["x.png", "y.png", "-z.png"]


def test_names_that_collide_get_a_hash_of_their_path() -> None:
    first, second, third = flat_names(["a/x.png", "b/x.png", "y.png"])
    assert first.startswith("x-") and first.endswith(".png") and len(first) == len("x-12345678.png")
    assert first != second
    assert third == "y.png"


def test_a_name_depends_on_the_paths_not_on_their_order() -> None:
    paths = ["a/x.png", "b/x.png", "c/X.png", "d/y.png"]
    assert dict(zip(paths, flat_names(paths), strict=True)) == dict(
        zip(paths[::-1], flat_names(paths[::-1]), strict=True)
    )


def test_letter_case_and_spelling_of_accents_collide() -> None:
    names = flat_names(["a/X.png", "b/x.PNG", "a/é.png", "b/e\u0301.png"])
    assert len({folded(name) for name in names}) == 4
    assert all("-" in name for name in names)


def test_a_hashed_name_that_is_taken_gets_a_longer_hash() -> None:
    hashed = flat_names(["a/x.png", "b/x.png"])[0]
    names = flat_names(["a/x.png", "b/x.png", hashed])
    assert names[2] == hashed
    assert len(names[0]) == len(hashed) + 8
    assert len(set(names)) == 3


def test_long_names_are_cut_to_what_file_systems_take() -> None:
    for name in ("l" * 251 + ".png", "画" * 83 + ".png", "n" * 255, "\udcff" * 250 + ".png"):
        cut, _ = flat_names([f"a/{name}", f"b/{name}"])
        assert 240 < len(os.fsencode(cut)) <= 255
        assert os.fsdecode(os.fsencode(cut)) == cut


@given(st.lists(st.text(st.sampled_from("aAéÉ./-1"), min_size=1, max_size=8), unique=True))
def test_never_two_the_same(paths: list[str]) -> None:
    paths = [path for path in paths if path.rpartition("/")[2] not in ("", ".", "..")]
    names = flat_names(paths)
    assert len({folded(name) for name in names}) == len(paths)
    assert not any("/" in name for name in names)
