"""docs/troubleshooting.md: what it quotes is what the programs say, and what it recommends is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs/troubleshooting.md").read_text()
ROW = re.compile(r"^\| (?P<seen>(?:[^|\\]|\\.)+) \| (?P<remedy>(?:[^|\\]|\\.)+) \|$", re.MULTILINE)
QUOTED = re.compile(r"`([^`]+)`")
FOREIGN = ("active-labeler: command not found", "message larger than max")  # said by the shell, and by gRPC
GAP = "\0"  # what differs, in a text of the source
FEWEST_LETTERS = 9


def _rows() -> list[tuple[str, str]]:
    rows = [(row["seen"], row["remedy"]) for row in ROW.finditer(PAGE)]
    return [row for row in rows if row[0] not in ("you see", "---")]


MESSAGES = [message for seen, _ in _rows() for message in QUOTED.findall(seen) if message not in FOREIGN]


def _texts(file: Path) -> Iterator[str]:
    """What a program may say: the texts of Python as they are put together, other files whole."""
    if file.suffix != ".py":
        yield re.sub(r"\$\{[^}]*\}|\$\w+|%s", GAP, " ".join(file.read_text().split()))
        return
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else GAP for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def _said() -> str:
    """All texts of the programs, one a line."""
    files = [
        file
        for folder in ("protos", "services", "orchestrator", "active_labeler", "scripts")
        for kind in ("*.py", "*.sh", "*.ts", "*.tsx")
        for file in (REPOSITORY / folder).rglob(kind)
        if not file.name.endswith(("_pb2.py", "_pb2_grpc.py")) and "node_modules" not in file.parts
    ]
    return "\n".join(" ".join(text.split()) for file in sorted(files) for text in _texts(file))


def _is_said(message: str) -> bool:
    fixed = [part.strip(" ") for part in message.split("...")]
    return re.search("[^\n]*?".join(map(re.escape, fixed)), _said()) is not None


@pytest.mark.parametrize("message", MESSAGES)
def test_what_is_quoted_is_said(message: str) -> None:
    assert sum(map(str.isalpha, message)) >= FEWEST_LETTERS, "too short to be found again"
    assert _is_said(message)


def test_what_nobody_says_is_noticed() -> None:
    assert _is_said("there is a run in ... already")
    assert not _is_said("there is a run in ... yesterday")
    assert not _is_said("already ... there is a run in")
    assert not _is_said("there is a run in runtime already"), "a value where the program has a gap"


def test_there_is_something_on_everything() -> None:
    assert len(_rows()) >= 70
    assert len(MESSAGES) >= 65
    assert len(set(MESSAGES)) == len(MESSAGES), "the same message twice"
    for seen, remedy in _rows():
        assert remedy.strip(), seen


def test_settings_that_are_recommended_are_there() -> None:
    reference = (REPOSITORY / "docs/configuration.md").read_text() + (REPOSITORY / ".env.example").read_text()
    for _, remedy in _rows():
        for name in re.findall(r"ACTIVE_LABELER_[A-Z_]+[A-Z]", remedy):
            assert name in reference, name
        for name in re.findall(r"(?:--set |`)([a-z_]+\.[a-z_]+)[=`]", remedy):
            assert name in reference or name.endswith((".csv", ".jsonl", ".safetensors", ".yml")), name


def test_options_and_commands_that_are_recommended_are_there() -> None:
    words = _said()
    for _, remedy in _rows():
        for option in re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", remedy):
            assert option in words or option == "--local-dir", option  # that of hf
        for command in re.findall(r"active-labeler ([a-z]+)", remedy):
            assert (REPOSITORY / "README.md").read_text().count(f"active-labeler {command}"), command
