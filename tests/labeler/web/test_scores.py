"""Scores and reasons: hidden unless the run shows them, and each label event records whether they were."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from protos import labeler_pb2 as pb
from services.common.artifacts import ArtifactStore
from tests.labeler.kit import Service, publish_folder

CLIENT = "s" * 12


def _sync(web: httpx.Client, run: str, **more: Any) -> Any:
    answer = web.post(f"api/runs/{run}/sync", json={"client": CLIENT, "annotator": "Ann", **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _open(service: Service, run: str, **shown: bool) -> None:
    catalog = publish_folder(ArtifactStore(service.folder / "artifacts"), service.folder / "data")
    service.open_run(catalog, run=run, **shown)
    cards = [pb.Card(item=0, reason="uncertainty", score=0.25), pb.Card(item=1, reason="random", score=float("nan"))]
    service.stub.Offer(pb.OfferRequest(run=run, round=1, cards=cards))


def test_a_run_says_nothing_of_scores_unless_it_shall(service: Service, web: httpx.Client) -> None:
    _open(service, "quiet")
    cards = _sync(web, "quiet", want=2)["cards"]
    assert [card["item"] for card in cards] == [0, 1]
    assert not any({"reason", "score"} & card.keys() for card in cards)
    said = {"sequence": 1, "item": 0, "round": 1, "answer": "positive"}
    assert _sync(web, "quiet", events=[said])["saved"] == [1]
    (event,) = service.stub.ListLabels(pb.ListLabelsRequest(run="quiet")).events
    assert not event.scores_shown


def test_what_is_shown_is_recorded(service: Service, web: httpx.Client) -> None:
    _open(service, "told", show_scores=True)
    cards = _sync(web, "told", want=2)["cards"]
    assert [(card["reason"], card["score"]) for card in cards] == [("uncertainty", 0.25), ("random", None)]
    again = _sync(web, "told", want=2)["cards"]  # those of a reply that never arrived
    assert [(card["reason"], card["score"]) for card in again] == [("uncertainty", 0.25), ("random", None)]
    said = [
        {"sequence": 1, "item": 0, "round": 1, "answer": "positive", "shown": True},
        {
            "sequence": 2,
            "item": 1,
            "round": 1,
            "answer": "negative",
        },  # a page that was opened before it was switched on
    ]
    assert _sync(web, "told", events=said)["saved"] == [1, 2]
    events = service.stub.ListLabels(pb.ListLabelsRequest(run="told")).events
    assert [event.scores_shown for event in events] == [True, False]
    rows = service.stub.SaveRun(pb.SaveRunRequest(run="told"))
    assert rows.events == 2


@pytest.mark.parametrize("shown", ["yes", 1, None])
def test_what_is_no_yes_or_no_is_refused(service: Service, web: httpx.Client, shown: object) -> None:
    _open(service, "odd", show_scores=True)
    said = {"sequence": 1, "item": 0, "round": 1, "answer": "positive", "shown": shown}
    answer = web.post("api/runs/odd/sync", json={"client": CLIENT, "events": [said]})
    assert answer.status_code == 400
