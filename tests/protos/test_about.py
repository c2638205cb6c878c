"""Run and round go with every call, and come out in the logs of whoever answers."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from protos import rpc
from protos.about import ROUND, RUN, About, about, enter_round, of_call, to_metadata, working_for
from protos.errors import InternalError
from services.common.telemetry import set_up_logging
from tests.support import echo


def test_a_thread_works_for_one_run_at_a_time() -> None:
    assert about() == About()
    with working_for("a"):
        enter_round(3)
        assert about() == About("a", 3)
        assert to_metadata() == [(RUN, "a"), (ROUND, "3")]
    assert about() == About()
    assert to_metadata() == []


@pytest.mark.parametrize("number", ["x", "-1", "9" * 30, "", b"\xff", "٣"])
def test_metadata_of_another_form_says_nothing(number: str | bytes) -> None:
    assert of_call([(ROUND, number)], SimpleNamespace()) == About("", None)


def test_a_name_stays_on_its_line() -> None:
    assert of_call([], SimpleNamespace(run="a\nERROR fake", round=2)) == About("a?ERROR fake", 2)
    assert len(of_call([(RUN, "x" * 9999)], None).run) == 100


def test_names_that_metadata_cannot_carry_are_left_out() -> None:
    with working_for("ümlaut"):
        assert to_metadata() == []


def _fail(*_: object) -> NoReturn:
    raise RuntimeError("boom")


@pytest.mark.parametrize("style", ["text", "json"])
def test_the_line_of_a_service_names_run_and_round(tmp_path: Path, style: str) -> None:
    file = tmp_path / "log"
    before = logging.getLogger().handlers[:]
    set_up_logging(False, file, style)  # type: ignore[arg-type]
    server = rpc.serve([echo.service(_fail)], f"unix:{tmp_path}/s.sock")
    try:
        with rpc.connect(server.address) as channel, working_for("r1", 4):
            with pytest.raises(InternalError, match="boom"):
                echo.select(channel, "boom")
    finally:
        server.stop(0)
        logging.getLogger().handlers = before
    said = file.read_text()
    if style == "json":
        entry = json.loads(said.splitlines()[0])
        assert (entry["run"], entry["round"], entry["level"]) == ("boom", 4, "error")
        assert "Traceback" in entry["traceback"]
    else:
        assert "[run boom round 4] /activelabeler.v1.Sampler/Select failed" in said
