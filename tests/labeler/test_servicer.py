"""The gRPC side, over a real server and channel."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from protos import labeler_pb2 as pb
from protos import labeler_pb2_grpc
from protos.common_pb2 import Artifact, Labels
from protos.errors import ConflictError, InvalidInputError, NotFoundError
from protos.rpc import Registration, connect, serve
from services.common.artifacts import ArtifactStore
from services.labeler.access import OPEN
from services.labeler.browsing import Browsing
from services.labeler.desk import Desk
from services.labeler.links import LinkMaker
from services.labeler.model import Answer, Remark
from services.labeler.servicer import LabelerServicer
from services.labeler.store import schema
from tests.labeler.kit import Person, publish_names


@pytest.fixture
def quick(desks: Callable[..., Desk], sqlite_url: str) -> Desk:
    return desks(sqlite_url)


@pytest.fixture
def stub(quick: Desk, tmp_path: Path) -> Iterator[Any]:
    servicer = LabelerServicer(quick, LinkMaker(OPEN, "", "http://127.0.0.1:5000/"), Browsing(quick))
    add = partial(labeler_pb2_grpc.add_LabelerServicer_to_server, servicer)
    server = serve([Registration("activelabeler.v1.Labeler", add)], f"unix:{tmp_path}/l.sock")
    channel = connect(server.address, timeout_s=10)
    yield labeler_pb2_grpc.LabelerStub(channel)
    channel.close()
    server.stop(0)


def _cards(*items: int) -> list[pb.Card]:
    return [pb.Card(item=item, reason="uncertainty", score=0.25) for item in items]


def _offer(stub: Any, *items: int, number: int = 1) -> int:
    return int(stub.Offer(pb.OfferRequest(run="r1", round=number, cards=_cards(*items))).added)


def test_open_run_says_where_the_page_is_and_changes_only_texts(stub: Any, quick: Desk, hundred: Artifact) -> None:
    _offer(stub, 1)
    request = pb.OpenRunRequest(run="r1", catalog=hundred, name="N", question="New?", batch_size=7)
    response = stub.OpenRun(request)
    assert (response.run, response.url) == ("r1", "http://127.0.0.1:5000/")
    assert (quick.run("r1").question, quick.run("r1").batch_size) == ("New?", 7)
    assert stub.GetQueue(pb.GetQueueRequest(run="r1", round=1)).open == 1


def test_remarks_come_in_pages(stub: Any, quick: Desk) -> None:
    for number in range(3):
        quick.remark("r1", Remark(number, "Ann", number == 1, f"note {number}")).result()
    first = stub.ListRemarks(pb.ListRemarksRequest(run="r1", limit=2)).remarks
    assert [(r.item, r.annotator, r.flag, r.note) for r in first] == [
        (0, "Ann", False, "note 0"),
        (1, "Ann", True, "note 1"),
    ]
    assert first[0].time_ms > 1_600_000_000_000
    (last,) = stub.ListRemarks(pb.ListRemarksRequest(run="r1", after=first[-1].number)).remarks
    assert last.item == 2
    assert not stub.ListRemarks(pb.ListRemarksRequest(run="r1", after=2**64 - 1)).remarks
    with pytest.raises(NotFoundError, match="knows no run 'gone'"):
        stub.ListRemarks(pb.ListRemarksRequest(run="gone"))


def test_a_definition_keeps_its_lines_and_is_cut(stub: Any, quick: Desk, hundred: Artifact) -> None:
    text = "  Yes: wings.\r\nNo:\u202e\ta kite.\n" + "x" * 6000
    stub.OpenRun(pb.OpenRunRequest(run="r1", catalog=hundred, name="N", definition=text, continuous=True))
    run = quick.run("r1")
    assert run.definition.startswith("Yes: wings.\nNo:\N{REPLACEMENT CHARACTER} a kite.\nxxx")
    assert (len(run.definition), run.continuous) == (5000, True)
    stub.OpenRun(pb.OpenRunRequest(run="r1", catalog=hundred, name="N"))
    assert (quick.run("r1").definition, quick.run("r1").continuous) == ("", False)


def test_an_ended_run_is_opened_again(stub: Any, quick: Desk, hundred: Artifact) -> None:
    assert stub.CloseRun(pb.CloseRunRequest(run="r1", sentence="The result is in final_dataset.")).run == "r1"
    assert quick.run("r1").finished == "The result is in final_dataset."
    stub.OpenRun(pb.OpenRunRequest(run="r1", catalog=hundred, name="N", question="Q"))
    assert quick.run("r1").finished is None


def test_offers_are_idempotent_in_their_round(stub: Any) -> None:
    assert _offer(stub, 5, 6, 5) == 2
    assert _offer(stub, 6, 5) == 0
    assert _offer(stub, 6, 7) == 1
    queue = stub.GetQueue(pb.GetQueueRequest(run="r1", round=1))
    assert (queue.run, queue.round, queue.open, queue.held, queue.last) == ("r1", 1, 3, 0, 0)


def test_a_score_that_is_no_number_is_kept_as_none(stub: Any, quick: Desk) -> None:
    cards = [pb.Card(item=3, score=float("nan")), pb.Card(item=4, score=float("inf")), pb.Card(item=5, score=0.25)]
    assert stub.Offer(pb.OfferRequest(run="r1", round=1, cards=cards)).added == 3
    with quick._database.engine.connect() as connection:
        rows = connection.execute(select(schema.cards.c.item, schema.cards.c.score).order_by(schema.cards.c.rank))
        assert [tuple(row) for row in rows] == [(3, None), (4, None), (5, 0.25)]


def test_the_simulated_labeler_reads_file_names_not_folders(stub: Any) -> None:
    _offer(stub, 0, 1, 5, 6)  # every path has "plane" in its folder; 0 and 5 in their file names
    response = stub.Simulate(pb.SimulateRequest(run="r1", round=1, pos_class="plane"))
    assert (response.run, response.labelled) == ("r1", 4)
    assert stub.Simulate(pb.SimulateRequest(run="r1", round=1, pos_class="plane")).labelled == 0
    events = stub.ListLabels(pb.ListLabelsRequest(run="r1")).events
    assert [(e.item, e.answer) for e in events] == [(0, 1), (1, 2), (5, 1), (6, 2)]
    assert {e.annotator for e in events} == {"simulated"}
    assert {e.reason for e in events} == {"uncertainty"}


def test_the_simulated_labeler_answers_only_what_is_open_in_its_round(stub: Any, quick: Desk) -> None:
    _offer(stub, 0, 1)
    _offer(stub, 2, number=2)
    Person(quick, "Ann").say(0, Answer.UNSURE)
    assert stub.Simulate(pb.SimulateRequest(run="r1", round=1, pos_class="plane")).labelled == 1
    assert stub.GetQueue(pb.GetQueueRequest(run="r1", round=2)).open == 1


def test_a_simulation_needs_its_class(stub: Any) -> None:
    with pytest.raises(InvalidInputError, match="pos_class is empty"):
        stub.Simulate(pb.SimulateRequest(run="r1", round=1))


def test_imported_labels_count_once(stub: Any) -> None:
    request = pb.ImportLabelsRequest(
        run="r1", round=0, labels=Labels(item=[4, 9, 4], positive=b"\1\0\1"), annotator="seed folder"
    )
    assert stub.ImportLabels(request).added == 2
    assert stub.ImportLabels(request).added == 0
    events = stub.ListLabels(pb.ListLabelsRequest(run="r1")).events
    assert [(e.item, e.answer, e.annotator, e.round) for e in events] == [
        (4, pb.ANSWER_POSITIVE, "seed folder", 0),
        (9, pb.ANSWER_NEGATIVE, "seed folder", 0),
    ]


def test_an_imported_label_answers_an_open_card(stub: Any) -> None:
    _offer(stub, 4)
    stub.ImportLabels(pb.ImportLabelsRequest(run="r1", round=1, labels=Labels(item=[4], positive=b"\1"), annotator="x"))
    queue = stub.GetQueue(pb.GetQueueRequest(run="r1", round=1))
    assert (queue.open, queue.positive) == (0, 1)


@pytest.mark.parametrize(
    ("labels", "annotator", "kind", "sentence"),
    [
        (Labels(item=[1, 2], positive=b"\1"), "x", InvalidInputError, "2 items and 1 labels"),
        (Labels(item=[1], positive=b"\7"), "x", InvalidInputError, "one byte, 0 or 1"),
        (Labels(item=[1], positive=b"\1"), " \n", InvalidInputError, "no annotator"),
        (Labels(item=[100], positive=b"\1"), "x", NotFoundError, "no image 100 .* it has 100"),
        (Labels(item=[2**64 - 1], positive=b"\1"), "x", NotFoundError, "no image 18446744073709551615"),
    ],
)
def test_imports_that_cannot_be(
    stub: Any, labels: Labels, annotator: str, kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        stub.ImportLabels(pb.ImportLabelsRequest(run="r1", round=0, labels=labels, annotator=annotator))
    assert stub.ListLabels(pb.ListLabelsRequest(run="r1")).last == 0


def test_the_log_comes_in_pages(stub: Any, quick: Desk) -> None:
    _offer(stub, *range(30))
    stub.Simulate(pb.SimulateRequest(run="r1", round=1, pos_class="plane"))
    page = stub.ListLabels(pb.ListLabelsRequest(run="r1", after=10, limit=5))
    assert [event.position for event in page.events] == [11, 12, 13, 14, 15]
    assert (page.run, page.last) == ("r1", 30)
    assert len(stub.ListLabels(pb.ListLabelsRequest(run="r1", limit=2**32 - 1)).events) == 30


def test_withdrawn_cards_are_counted(stub: Any) -> None:
    _offer(stub, 1, 2, 3)
    response = stub.Withdraw(pb.WithdrawRequest(run="r1", round=1))
    assert (response.run, response.withdrawn) == ("r1", 3)
    assert stub.Withdraw(pb.WithdrawRequest(run="r1", round=1)).withdrawn == 0
    assert _offer(stub, 1) == 0
    queue = stub.GetQueue(pb.GetQueueRequest(run="r1", round=1))
    assert (queue.open, queue.withdrawn) == (0, 3)
    _offer(stub, 4)
    assert stub.Withdraw(pb.WithdrawRequest(run="r1", round=1, reason="another")).withdrawn == 0
    assert stub.GetQueue(pb.GetQueueRequest(run="r1", round=1)).open == 1


def test_watching_tells_each_change_and_ends_with_the_round(stub: Any, quick: Desk) -> None:
    _offer(stub, 1, 2)
    ann = Person(quick, "Ann")
    heard: list[tuple[int, int, float]] = []
    start = time.monotonic()

    def watch() -> None:
        for queue in stub.WatchQueue(pb.GetQueueRequest(run="r1", round=1)):
            heard.append((queue.open, queue.positive, time.monotonic() - start))

    watcher = threading.Thread(target=watch)
    watcher.start()
    time.sleep(2.6)  # nothing happens, and yet something is heard
    assert len(heard) >= 2
    answered = time.monotonic() - start
    ann.say(1)
    ann.say(2)
    watcher.join(5)
    assert not watcher.is_alive()
    assert heard[-1][:2] == (0, 2)
    assert heard[-1][2] - answered < 0.5


def test_watching_a_round_without_cards_ends_at_once(stub: Any) -> None:
    assert [queue.open for queue in stub.WatchQueue(pb.GetQueueRequest(run="r1", round=9))] == [0]


def test_a_watcher_that_leaves_frees_its_thread(stub: Any, quick: Desk) -> None:
    _offer(stub, 1)
    for _ in range(20):  # more than the server has threads
        stream = stub.WatchQueue(pb.GetQueueRequest(run="r1", round=1))
        next(stream)
        stream.close()
    assert stub.GetQueue(pb.GetQueueRequest(run="r1", round=1)).open == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.Offer(pb.OfferRequest(run="no", round=1, cards=_cards(1))),
        lambda s: s.Simulate(pb.SimulateRequest(run="no", round=1, pos_class="x")),
        lambda s: s.ImportLabels(pb.ImportLabelsRequest(run="no", annotator="x")),
        lambda s: s.ListLabels(pb.ListLabelsRequest(run="no")),
        lambda s: s.Withdraw(pb.WithdrawRequest(run="no")),
        lambda s: s.GetQueue(pb.GetQueueRequest(run="no")),
        lambda s: list(s.WatchQueue(pb.GetQueueRequest(run="no"))),
        lambda s: s.CloseRun(pb.CloseRunRequest(run="no")),
        lambda s: s.OpenRun(pb.OpenRunRequest(run="no", catalog=Artifact(path="none", sha256="0", bytes=1))),
    ],
)
def test_what_does_not_exist_is_named(stub: Any, call: Callable[[Any], Any]) -> None:
    with pytest.raises(NotFoundError, match=r"no run 'no'|artifact none is not in the store"):
        call(stub)


def test_an_offer_of_an_image_that_does_not_exist(stub: Any) -> None:
    with pytest.raises(NotFoundError, match="no image 100 in this run; it has 100"):
        _offer(stub, 1, 100)
    assert stub.GetQueue(pb.GetQueueRequest(run="r1", round=1)).open == 0


def test_another_catalog_for_a_run_is_refused(stub: Any, store: ArtifactStore, tmp_path: Path) -> None:
    other = publish_names(store, tmp_path, ["a.png"])
    with pytest.raises(ConflictError, match="another catalog of 100 images"):
        stub.OpenRun(pb.OpenRunRequest(run="r1", catalog=other))


@pytest.mark.parametrize("name", ["", "\0", "a b", "../x", "x" * 5000])
def test_names_that_no_run_can_have(desks: Callable[..., Desk], url: str, name: str) -> None:
    desk = desks(url)
    for call in (
        lambda: desk.queue(name, 1),
        lambda: desk.events(name, 0, 0),
        lambda: desk.withdraw(name, 1).result(),
        lambda: Person(desk, "Ann", run=name).take(1),
    ):
        with pytest.raises(NotFoundError, match="knows no run"):
            call()


def test_what_each_person_has_done(stub: Any, quick: Desk) -> None:
    _offer(stub, *range(8))
    ann, bob = Person(quick, "ann"), Person(quick, "bob")
    for item in (0, 1, 2):
        ann.say(item, Answer.POSITIVE if item else Answer.UNSURE)
    for item, answer in ((0, Answer.NEGATIVE), (1, Answer.POSITIVE), (2, Answer.NEGATIVE), (3, Answer.NEGATIVE)):
        bob.say(item, answer)
    bob.say(3, Answer.RETRACTED)
    found = stub.ListAnnotators(pb.ListAnnotatorsRequest(run="r1"))
    told = [(a.name, a.answers, a.positive, a.unsure, a.undone, a.shared, a.agreed) for a in found.annotators]
    assert told == [("ann", 3, 2, 1, 0, 2, 1), ("bob", 3, 1, 0, 1, 2, 1)]  # unsure is no vote
    assert all(math.isnan(a.per_minute) for a in found.annotators), "a moment says nothing of a speed"
    assert found.alpha == pytest.approx(0.0)  # (yes yes), (yes no), by hand: o = 2, n = 4, e = 6
    with pytest.raises(NotFoundError, match="r9"):
        stub.ListAnnotators(pb.ListAnnotatorsRequest(run="r9"))


def test_nobody_has_done_anything(stub: Any) -> None:
    found = stub.ListAnnotators(pb.ListAnnotatorsRequest(run="r1"))
    assert list(found.annotators) == []
    assert math.isnan(found.alpha)
