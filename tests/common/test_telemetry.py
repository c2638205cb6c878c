"""Logs: where they go, and what a step says."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.common.telemetry import set_up_logging, timed

log = logging.getLogger("a.room")


@pytest.fixture(autouse=True)
def root_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = handlers, level


def test_verbose_says_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(verbose=True)
    log.debug("too much")
    log.info("a step")
    log.warning("a worry")
    said = capsys.readouterr()
    assert said.out == ""
    assert re.fullmatch(r"\S+ \S+ INFO    a\.room: a step\n\S+ \S+ WARNING a\.room: a worry\n", said.err)


def test_quiet_says_worries_only_but_the_file_has_all(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "log.txt"
    set_up_logging(verbose=False, file=file)
    log.info("a step")
    log.warning("a worry")
    assert "a step" not in (said := capsys.readouterr().err)
    assert "a worry" in said
    assert [line.split(": ")[1] for line in file.read_text().splitlines()] == ["a step", "a worry"]


def test_file_is_appended_to(tmp_path: Path) -> None:
    for text in ("first", "second"):
        set_up_logging(verbose=False, file=tmp_path / "log")
        log.info(text)
    assert [line[-6:].strip() for line in (tmp_path / "log").read_text().splitlines()] == ["first", "second"]


def test_names_that_are_no_text_are_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(verbose=False, file=tmp_path / "log")
    log.info("%s 🐈", os.fsdecode(b"caf\xe9.jpg"))
    assert "caf\\udce9.jpg 🐈" in (tmp_path / "log").read_text(encoding="utf-8")
    assert "Logging error" not in capsys.readouterr().err


def test_step_says_its_seconds_and_facts(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger().addHandler(caplog.handler)
    with caplog.at_level(logging.INFO), timed(log, "vectors joined") as facts:
        facts["blocks"] = 7
        facts["rows"] = 12
    assert re.fullmatch(r"vectors joined in \d+\.\d\d s blocks=7 rows=12", caplog.messages[0])


def test_step_that_fails_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger().addHandler(caplog.handler)
    with caplog.at_level(logging.INFO), pytest.raises(ZeroDivisionError), timed(log, "a step"):
        raise ZeroDivisionError
    assert caplog.messages == []
