"""The page offers what the command line offers: the loop's choices, and the commands that steer a run."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.cli import app
from orchestrator.loop import _CHOICES
from protos import control_pb2

PAGE = Path(__file__).parents[3] / "services/labeler/web/frontend/src"
BY_CONTROL = {
    "run": "StartRun",
    "resume": "StartRun",
    "status": "GetRun",
    "link": "GetPageLinks",
    "export": "ExportRun",
}
NOT_OF_A_RUN_AT_WORK = {
    "add",  # a wish in the runtime folder
    "backup",  # reads files and the label store, whatever the run does
    "certificates",
    "label",  # without a loop
    "predict",
    "pretrain",
    "strategies",
    "replay",
    "restore",
    "services",
    "serve",
}  # the command line's alone


def test_every_choice_of_the_loop_has_a_button_with_words() -> None:
    words = re.search(
        r"const WORDS: Record<string, string> = \{(.*?)\}", (PAGE / "pages/question.tsx").read_text(), re.DOTALL
    )
    assert words is not None
    assert set(re.findall(r"(\w+): \"", words.group(1))) == set(_CHOICES)


def test_every_command_that_steers_a_run_is_a_call_of_the_control_contract() -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert commands == BY_CONTROL.keys() | NOT_OF_A_RUN_AT_WORK
    calls = set(control_pb2.DESCRIPTOR.services_by_name["Control"].methods_by_name)
    assert set(BY_CONTROL.values()) | {"AnswerQuestion", "StopRun", "SetContinuous"} <= calls
