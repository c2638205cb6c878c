"""A run out of one label store and into another, of either kind, with all of its rows."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from protos.common_pb2 import Artifact
from protos.errors import ActiveLabelerError, ConflictError, DamagedError, NotFoundError
from services.common.artifacts import ArtifactStore
from services.labeler.desk import Desk
from services.labeler.model import Remark
from services.labeler.store.rows_of_run import lines
from tests.labeler.kit import Person, log_of, offer, open_desk, to_run


@pytest.fixture
def saved(desk: Desk, hundred: Artifact) -> Artifact:
    """A copy of a run with answers, cards in hands, an undo and a note; beside a run that has nothing to do with it."""
    offer(desk, range(8))
    ann = Person(desk, "Ann")
    ann.take(4)
    ann.say(0)
    ann.say(1)
    desk.remark("r1", Remark(2, "Ann", True, "look again")).result()
    desk.open_run(to_run(hundred, run="other")).result()
    copy, events = desk.copies.save("r1")
    assert events == 2
    return copy


def _rows(desk: Desk) -> list[bytes]:
    with desk._database.engine.connect().execution_options(writes=False) as connection:
        return list(lines(connection, "r1"))


def test_a_copy_holds_all_and_only_the_run(desk: Desk, saved: Artifact, store: ArtifactStore, tmp_path: Path) -> None:
    fresh = open_desk(f"sqlite:///{tmp_path}/elsewhere/labels.sqlite", store)
    try:
        assert fresh.copies.restore("r1", saved) == 2
        assert _rows(fresh) == _rows(desk)
        assert log_of(fresh) == log_of(desk)
        assert fresh.remarks("r1") == desk.remarks("r1")
        assert [run.run for run, _ in fresh.runs()] == ["r1"]
        ann = Person(fresh, "Ann")  # labeling goes on, on the same log
        ann.sequence = 2
        ann.hold = [2, 3]
        ann.say(2)
        assert [position for position, *_ in log_of(fresh)] == [0, 1, 2]
    finally:
        fresh.close()


def test_the_same_again_changes_nothing_and_another_state_is_refused(desk: Desk, saved: Artifact) -> None:
    assert desk.copies.restore("r1", saved) == 2
    Person(desk, "Bob").say(5)
    before = _rows(desk)
    with pytest.raises(ConflictError, match="has a run r1 already, with other contents"):
        desk.copies.restore("r1", saved)
    assert _rows(desk) == before


def test_what_is_not_there_cannot_be_copied(desk: Desk) -> None:
    with pytest.raises(NotFoundError, match="no run 'nothing'"):
        desk.copies.save("nothing")


def test_a_copy_of_the_first_version_is_migrated(
    desk: Desk, saved: Artifact, store: ArtifactStore, tmp_path: Path
) -> None:
    def older(rows: list[Any]) -> None:
        rows[0]["store"] = 1
        for name, row in rows[1:]:
            if name == "cards":
                del row["second"]
            if name == "runs":
                del row["definition"], row["continuous"], row["show_scores"]
            if name == "events":
                del row["scores_shown"]

    fresh = open_desk(f"sqlite:///{tmp_path}/elsewhere/labels.sqlite", store)
    try:
        assert fresh.copies.restore("r1", _changed(store, saved, older)) == 2
        assert _rows(fresh) == _rows(desk)
    finally:
        fresh.close()


def _changed(store: ArtifactStore, copy: Artifact, change: Callable[[list[Any]], Any]) -> Artifact:
    rows = [json.loads(line) for line in gzip.decompress(store.open(copy).read_bytes()).splitlines()]
    change(rows)
    return store.put("label-copies/changed", gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in rows)))


_BAD: list[tuple[Callable[[list[Any]], Any], type[ActiveLabelerError], str]] = [
    (lambda rows: rows[0].update(store=99), ConflictError, "install the release that made it"),
    (lambda rows: rows[0].update(format=2), ConflictError, "install the release that made it"),
    (lambda rows: rows[0].update(format="a"), DamagedError, "does not say its version"),
    (lambda rows: rows[0].update(run="r2"), DamagedError, "of another run"),
    (lambda rows: rows.clear(), DamagedError, "no JSON"),
    (lambda rows: rows.pop(1), DamagedError, "counts None answers"),
    (lambda rows: rows.append(["about", {"run": "r1"}]), DamagedError, "no row of a table"),
    (lambda rows: rows.append(7), DamagedError, "no row of a table"),
    (lambda rows: rows[1][1].update(run="other"), DamagedError, "of another run"),
    (lambda rows: rows[1][1].update(more=1), DamagedError, "columns that there are not"),
    (lambda rows: rows[2][1].update(item=None), DamagedError, "the database refuses its rows of cards"),
    (lambda rows: rows[1][1].update(last=7), DamagedError, "counts 7 answers, and it holds 2"),
    (lambda rows: rows.append(rows[2]), DamagedError, "the database refuses its rows of cards"),
]


@pytest.mark.parametrize(("change", "kind", "sentence"), _BAD)
def test_a_copy_that_does_not_fit_leaves_the_store_as_it_was(
    desks: Callable[..., Desk],
    store: ArtifactStore,
    saved: Artifact,
    tmp_path: Path,
    change: Callable[[list[Any]], Any],
    kind: type[ActiveLabelerError],
    sentence: str,
) -> None:
    fresh = open_desk(f"sqlite:///{tmp_path}/elsewhere/labels.sqlite", store)
    try:
        with pytest.raises(kind, match=sentence):
            fresh.copies.restore("r1", _changed(store, saved, change))
        assert fresh.runs() == []
    finally:
        fresh.close()


def test_a_copy_that_is_no_gzip_is_damaged(desk: Desk, store: ArtifactStore, tmp_path: Path) -> None:
    fresh = open_desk(f"sqlite:///{tmp_path}/elsewhere/labels.sqlite", store)
    try:
        for number, data in enumerate((b"nothing", gzip.compress(b'{"a":1}' * 100)[:-20], b"")):
            with pytest.raises(DamagedError):
                fresh.copies.restore("r1", store.put(f"label-copies/bad-{number}", data))
    finally:
        fresh.close()
