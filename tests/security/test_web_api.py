"""The web API over real HTTP, asked by its own schema with schemathesis: what fits it and what does not.

No answer is a 5xx, but for a 503 where the orchestrator is away, and every refusal has a sentence. `make fuzz` asks more than
5,000 times; ``ACTIVE_LABELER_FUZZ_CASES`` is the number for each operation.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import grpc
import httpx
import numpy as np
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.schemas import APIOperation

from protos import control_pb2, rpc
from services.common.artifacts import ArtifactStore
from services.labeler.web.app import build_app
from tests.labeler.kit import Service, paint, publish_folder
from tests.labeler.web.kit import sync
from tests.support import control as kit

_ASKED = os.environ.get("ACTIVE_LABELER_FUZZ_CASES", "")
CASES = int(_ASKED or "8")
RUN, IMAGES, FILE = "r", 12, "images.csv"
HERE, AWAY = "orchestrator", "no orchestrator"
# Server-sent events end when the browser leaves, and not before: a client that waits for the whole answer waits for ever.
STREAMS = ("/api/runs/{run}/news",)


def _whole(**fields: Any) -> dict[str, Any]:
    """The schema of an object with these fields and values."""
    values = {name: {"enum": [value]} for name, value in fields.items()}
    return {"type": "object", "properties": values, "required": list(values), "additionalProperties": False}


# What their schemas do not say: a search goes by one thing, a remark says something.
FITTING = {"Look": _whole(item=3, k=5), "Remarked": _whole(item=3, annotator="Ann", flag=True, note="blurred")}


def _narrowed(part: Any) -> Any:
    """A part of a schema that only allows what is there: the run, its images, the file of its export."""
    if isinstance(part, list):
        return [_narrowed(each) for each in part]
    if not isinstance(part, dict):
        return part
    there = {"run": RUN, "name": FILE}.get(part.get("name", "")) if part.get("in") in ("path", "query") else None
    if there is not None:
        return part | {"schema": {"type": "string", "enum": [there]}}
    if part.get("title") in FITTING:
        return FITTING[part["title"]]
    if part.get("maximum") == 2**53 - 1:
        return part | {"maximum": IMAGES - 1}
    return {key: _narrowed(value) for key, value in part.items()}


def _operations(schema: dict[str, Any]) -> dict[str, APIOperation[Any, Any, Any, Any]]:
    found = (each.ok() for each in schemathesis.openapi.from_dict(schema).get_all_operations())
    return {operation.label: operation for operation in found}


# The labeler serves no schema; its routes are built here over nothing, for their schema alone.
SCHEMA = build_app(*cast("tuple[Any, Any, Any]", (None, None, None))).openapi()
OPERATIONS, NARROWED = _operations(SCHEMA), _operations(_narrowed(SCHEMA))
ANSWERED = [label for label, operation in OPERATIONS.items() if operation.path not in STREAMS]
answers: Counter[tuple[str, str, int]] = Counter()  # by operation, place and status


@dataclass
class Place:
    """A labeler, with an orchestrator behind it or without."""

    name: str
    service: Service
    session: requests.Session


class _Quick(kit.Control):
    """Its exports are done at once: there is something to download after another one was asked for."""

    def ExportRun(self, request: Any, context: grpc.ServicerContext) -> control_pb2.ExportStatus:  # noqa: N802 - the name of the contract
        super().ExportRun(request, context)
        self.exported = control_pb2.ExportStatus(run=RUN, state="done", text="csv  /out/images.csv", file=[FILE])
        return self.exported


def _control() -> kit.Control:
    """One that has something to say on everything."""
    control = _Quick()
    control.status = control_pb2.RunStatus(run=RUN, state="asking", round=1, question=kit.QUESTION)
    control.scores = np.linspace(0, 1, IMAGES, dtype=np.float32)
    control.points = np.arange(IMAGES, dtype=np.uint32)
    control.quarantine, control.found = {2: "damaged image: no end", 3: "the file is empty"}, [1, 5, 7]
    control.files, control.part = {FILE: b"path\n" * 30}, 64
    control.exported = control_pb2.ExportStatus(run=RUN, state="done", text="csv  /out/images.csv", file=[FILE])
    return control


@pytest.fixture(scope="module", params=[HERE, AWAY])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("web")
    paint(folder / "data", [f"{number}.png" for number in range(IMAGES)], (8, 8))
    server = rpc.serve([kit.registration(_control())], f"unix:{folder}/c.sock") if request.param == HERE else None
    addresses = {"ACTIVE_LABELER_CONTROL": f"unix:{folder}/c.sock", "ACTIVE_LABELER_WEB_URL": "http://labels.example/"}
    service = Service(folder / "labeler", **addresses)
    service.open_run(publish_folder(ArtifactStore(service.folder / "artifacts"), folder / "data"), run=RUN)
    service.offer(range(IMAGES - 2), run=RUN)
    with requests.Session() as session:
        yield Place(request.param, service, session)
    service.stop()
    if server:
        server.stop(0)


def _cases(label: str) -> st.SearchStrategy[schemathesis.Case]:
    """Requests that fit what is there, others that fit the schema, and others that do not."""
    operation, narrowed = OPERATIONS[label], NARROWED[label]
    kinds = [narrowed.as_strategy(), operation.as_strategy()]
    if operation.path_parameters or operation.body:  # there is something that may be wrong
        kinds.append(operation.as_strategy(GenerationMode.NEGATIVE))
    if operation.query or operation.body:
        known = {"run": RUN} if operation.path_parameters else {}
        kinds.append(operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=known))
    return st.one_of(kinds)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("label", ANSWERED)
def test_no_request_is_a_defect_of_the_web_side(place: Place, label: str) -> None:
    @settings(
        max_examples=CASES, deadline=None, database=None, derandomize=not _ASKED, suppress_health_check=[*HealthCheck]
    )
    @given(case=_cases(label))
    def ask(case: schemathesis.Case) -> None:
        answer = case.call(base_url=place.service.url, session=place.session, timeout=20)
        answers[label, place.name, answer.status_code] += 1
        assert answer.status_code < 500 or (place.name == AWAY and answer.status_code == 503), answer.text
        if answer.status_code >= 400:
            assert answer.json()["error"]

    ask()
    assert any(asked == label and where == place.name for asked, where, _ in answers)
    if place.name == HERE:
        fits = 404 if "/pieces/" in label else 200  # the images of this place are too small to have pieces
        assert answers[label, HERE, fits] > 0, "requests that fit get as far as what they ask for"
    with httpx.Client(base_url=place.service.url, timeout=20) as web:
        assert sync(web, RUN)["run"] == RUN
    assert rpc.is_healthy(place.service.channel, timeout_s=10)


def test_all_but_streams_is_asked_often_enough(request: pytest.FixtureRequest) -> None:
    assert len(OPERATIONS) - len(ANSWERED) == len(STREAMS)
    chosen = [item for item in request.session.items if item.name.startswith("test_no_request_is_a_defect_of_the_web")]
    if len(chosen) < 2 * len(ANSWERED):
        pytest.skip("not all of the tests above were asked for")
    assert sum(answers.values()) >= 48 * CASES
