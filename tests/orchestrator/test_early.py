"""Cards drawn by lot while the images are embedded, and what their answers say, with a real labeler and a real sampler."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from orchestrator import labeling
from orchestrator.adding import _forget_what_was_shown
from orchestrator.audited import Audited
from orchestrator.clients.refs import ArtifactRef, Pick
from orchestrator.control.dashboard import _prevalence
from orchestrator.early import bound, count_early, draw_early, end_early, offer_early
from orchestrator.labels import LabelLog
from orchestrator.model import Catalogued
from orchestrator.prevalence import DRAW, PREVALENCE, Prevalence
from orchestrator.run import Run
from protos import labeler_pb2_grpc, rpc
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore
from services.labeler.access import OPEN
from services.labeler.browsing import Browsing
from services.labeler.desk import Desk
from services.labeler.links import LinkMaker
from services.labeler.model import Answer
from services.labeler.servicer import LabelerServicer
from services.sampler.servicer import registration
from tests.labeler.kit import Person, open_desk, publish_names, to_run, wait_for
from tests.support import bench

ROWS = 400


class Room:
    """A run on a bench with ``ROWS`` images, and the desk behind its labeler."""

    def __init__(self, folder: Path) -> None:
        store = ArtifactStore(folder / "store")
        self.desk: Desk = open_desk(f"sqlite:///{folder}/labels/labels.sqlite", store)
        servicer = LabelerServicer(self.desk, LinkMaker(OPEN, "", "http://127.0.0.1:5000/"), Browsing(self.desk))
        add = partial(labeler_pb2_grpc.add_LabelerServicer_to_server, servicer)
        labeler = rpc.Registration("activelabeler.v1.Labeler", add)
        self.server = rpc.serve([labeler, registration(store)], f"unix:{folder}/s.sock")
        self.run: Run = bench.run_on_bench(folder, self.server.address)
        catalog = publish_names(store, folder / "data", [f"{n:04}.png" for n in range(ROWS)])
        self.desk.open_run(to_run(catalog, run=self.run.id)).result()
        self.run.board.page = self.run.invited = True
        self.catalogued = Catalogued(catalog=ArtifactRef.of(catalog), images=ROWS)
        self.log = LabelLog(self.run.clients.labeler, self.run.id)

    def wish(self, **labeling: Any) -> None:
        self.run.settings = bench.run_settings(self.run.folder.path.parent, labeling=labeling)

    def begin(self) -> list[int]:
        """The draw, on offer."""
        self.wish(while_embedding="on")
        draw_early(self.run, self.catalogued)
        offer_early(self.run, self.log)
        return list(self.run.drawn)

    def embedded(self, without: list[int]) -> None:
        present = np.ones(ROWS, np.bool_)
        present[without] = False
        self.run.results = SimpleNamespace(present=present)  # type: ignore[assignment]

    def person(self, name: str) -> Person:
        return Person(self.desk, name, self.run.id)

    def close(self) -> None:
        self.run.clients.close()
        self.run.journal.close()
        self.server.stop(0)
        self.desk.close()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("wish", "images", "drawn"),
    [("auto", 19_999, 0), ("auto", 20_000, 1000), ("off", 20_000, 0), ("on", 7, 7), (True, 7, 7), (False, 20_000, 0)],
)
def test_it_is_drawn_where_that_is_worth_it(room: Room, wish: str | bool, images: int, drawn: int) -> None:
    room.wish(while_embedding=wish)
    draw_early(room.run, room.catalogued.model_copy(update={"images": images}))
    assert len({*room.run.drawn}) == len(room.run.drawn) == drawn
    assert (DRAW in room.run.journal) == bool(drawn)
    assert all(0 <= item < images for item in room.run.drawn)


def test_nothing_is_drawn_where_nobody_labels_or_all_is_embedded_or_a_record_is_replayed(room: Room) -> None:
    room.run.board.page = False
    assert room.begin() == []
    room.run.board.page, room.run.replaying = True, True
    assert room.begin() == []
    room.run.replaying = False
    room.run.once("embed", int, lambda: 1)  # by a version that drew nothing
    assert room.begin() == []
    end_early(room.run)
    bound(room.run, room.log, "early")
    assert (room.run.board.prevalence, "early/over" in room.run.journal) == (None, False)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"while_embedding": "perhaps"}, "while_embedding"),
        ({"while_embedding": 1.5}, "while_embedding"),
        ({"while_embedding": "on", "simulate": True, "pos_class": "x"}, "with labeling.simulate nobody labels"),
    ],
)
def test_wishes_that_make_no_sense(tmp_path: Path, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        bench.run_settings(tmp_path, labeling=given)


def test_the_draw_is_offered_in_its_order_and_comes_no_second_time(room: Room) -> None:
    known = np.arange(0, ROWS, 2, dtype=np.uint64)  # of a seed folder
    room.run.clients.labeler.import_labels(room.run.id, 0, known, known < 9, "seed folder")
    drawn = room.begin()
    ann = room.person("Ann")
    assert ann.take(5) == [item for item in drawn if item % 2][:5]
    ann.say(ann.hold[0], number=0)
    (event,) = room.desk.events(room.run.id, len(known), 0)[0]
    assert (event.round, event.reason) == (0, PREVALENCE)
    count_early(room.run, room.log)
    assert (room.run.board.labels, room.run.board.seeds) == (201, (6, 195, 0))
    room.desk.withdraw(room.run.id, 0).result()  # somebody finishes early
    again = list(room.run.drawn)
    draw_early(room.run, room.catalogued)
    offer_early(room.run, room.log)  # of a run that goes on
    room.wish(while_embedding="off")
    offer_early(room.run, room.log)
    assert list(room.run.drawn) == again
    assert room.desk.queue(room.run.id, None).open == 0


def test_what_people_say_to_the_draw_bounds_how_many_there_are(room: Room) -> None:
    drawn = room.begin()
    ann = room.person("Ann")
    ann.hold = drawn[:100]
    for place, item in enumerate(drawn[:100]):
        answer = Answer.UNSURE if place in (7, 8) else Answer.POSITIVE if place % 20 == 0 else Answer.NEGATIVE
        ann.say(item, answer, number=0)
    room.embedded(without=[drawn[0], drawn[30], drawn[200]])
    bound(room.run, room.log, "early")
    told = room.run.board.prevalence
    assert told is not None
    assert (told.images, told.drawn, told.audited) == (ROWS - 3, 98, False)
    assert 4 <= told.at_least < told.at_most < 0.2 * ROWS
    assert "of the first 98 drawn by lot 4 have a yes and 2 neither yes nor no" in told.sentence
    by = SimpleNamespace(board=room.run.board)
    assert _prevalence(by) == (told.at_least / told.images, told.at_most / told.images, 98)  # type: ignore[arg-type]
    room.run.board.positives = told.at_least + 3
    assert _prevalence(by)[0] == (told.at_least + 3) / told.images  # type: ignore[arg-type]
    later = room.log.newest().position
    ann.say(drawn[7], Answer.NEGATIVE, number=0)
    bound(room.run, room.log, "round-1", later)
    assert room.run.board.prevalence == told, "as of the position that the round has learned"
    bound(room.run, room.log, "round-2")
    assert "1 neither yes nor no" in room.run.board.prevalence.sentence


def test_an_audit_that_has_drawn_as_many_takes_its_place(room: Room) -> None:
    drawn = room.begin()
    ann = room.person("Ann")
    ann.hold = drawn[:30]
    for item in drawn[:30]:
        ann.say(item, Answer.NEGATIVE, number=0)
    room.embedded(without=[])
    for count, audited in ((29, False), (30, True)):
        room.run.audit = Audited(300, tuple(range(count)), frozenset())
        bound(room.run, room.log, f"round-{count}")
        assert room.run.board.prevalence is not None
        assert (room.run.board.prevalence.audited, room.run.board.prevalence.counts) == (audited, not audited)
    assert np.isnan(_prevalence(SimpleNamespace(board=room.run.board))[0])  # type: ignore[arg-type]


def test_it_says_nothing_of_images_that_are_added(room: Room) -> None:
    drawn = room.begin()
    ann = room.person("Ann")
    ann.hold = drawn[:30]
    for item in drawn[:30]:
        ann.say(item, Answer.NEGATIVE, number=0)
    room.embedded(without=[])
    bound(room.run, room.log, "early")
    assert room.run.board.prevalence is not None and room.run.board.prevalence.counts
    _forget_what_was_shown(room.run)
    bound(room.run, room.log, "round-1")
    assert room.run.board.prevalence is None
    assert labeling.replaces(room.run), "what was in hands at the end of embedding still gives way"


def test_without_an_answer_it_says_nothing(room: Room) -> None:
    room.begin()
    room.embedded(without=[])
    bound(room.run, room.log, "early")
    told = room.run.board.prevalence
    assert told is not None
    assert (told.counts, told.at_least, told.at_most) == (False, 0, ROWS)
    room.embedded(without=list(range(ROWS)))
    bound(room.run, room.log, "seed")
    assert room.run.board.prevalence == Prevalence(
        at_least=0, at_most=0, images=0, drawn=0, sentence=room.run.board.prevalence.sentence
    )


def test_the_seed_set_takes_the_place_of_the_draw_and_waits_for_nobody_who_left(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labeling, "_TIDY_S", 0.0)
    drawn = room.begin()
    ann, bob = room.person("Ann"), room.person("Bob")
    assert (ann.take(2), bob.take(2)) == (drawn[:2], drawn[2:4])
    seeds = [*drawn[10:13], drawn[3]]
    picks = [Pick(item=item, reason="neighbour", score=float("nan")) for item in seeds]
    done: list[labeling.Labelled] = []
    work = threading.Thread(target=lambda: done.append(labeling.label(room.run, room.log, 0, picks, "seed-0")))
    work.start()
    wait_for(lambda: "seed-0/offer" in room.run.journal)
    assert (ann.visit().held, bob.visit().held) == (drawn[:2], drawn[2:4]), "what is in a hand stays there"
    assert room.desk.queue(room.run.id, None).open == 7
    ann.visit(leave=True)
    wait_for(lambda: room.desk.queue(room.run.id, 0).open == 5)  # hers are taken back
    bob.say(drawn[2], number=0)
    bob.say(drawn[3], number=0)
    assert bob.take(9) == seeds[:3]
    for item in seeds[:3]:
        bob.say(item, Answer.NEGATIVE, number=0)
    work.join(60)
    assert (done[0].positive, done[0].negative) == (2, 3)
    reasons = {event.item: event.reason for event in room.desk.events(room.run.id, 0, 0)[0]}
    assert (reasons[drawn[2]], reasons[drawn[3]]) == (PREVALENCE, "neighbour")
    end_early(room.run)
    assert room.desk.queue(room.run.id, None).open == 0


def test_what_is_left_goes_back_without_a_seed_set(room: Room) -> None:
    drawn = room.begin()
    ann = room.person("Ann")
    ann.take(3)
    end_early(room.run)
    assert ann.visit().held == drawn[:3]
    assert room.desk.queue(room.run.id, None).open == 3
    room.desk.offer(room.run.id, 1, []).result()
    end_early(room.run)  # of a run that goes on: it is done once
    assert room.desk.queue(room.run.id, None).open == 3


def test_more_than_there_are_cannot_be_drawn(room: Room) -> None:
    with pytest.raises(InvalidInputError, match="401 images cannot be drawn from 400"):
        room.run.clients.certainty.draw_rows(room.run.id, ROWS + 1, 0, ROWS)
