"""The tokens of a labeler."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from protos.errors import DamagedError, InvalidInputError
from services.labeler.access import OPEN, Access, Role, tokens_of


def test_tokens_are_made_once_for_this_user_alone_and_stay(tmp_path: Path) -> None:
    first = tokens_of(tmp_path / "labels", {})
    assert first == tokens_of(tmp_path / "labels", {})
    assert first != tokens_of(tmp_path / "other", {})
    file = tmp_path / "labels" / "access.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == first.tokens
    assert [path.name for path in file.parent.iterdir()] == ["access.json"]
    assert first.tokens[Role.ADMIN] != first.tokens[Role.ANNOTATOR]
    assert all(len(token) == 24 for token in first.tokens.values())


def test_two_labelers_that_start_at_once_agree(tmp_path: Path) -> None:
    made: list[Access] = []
    threads = [threading.Thread(target=lambda: made.append(tokens_of(tmp_path, {}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert all(access == made[0] for access in made)


def test_a_token_says_the_role_and_nothing_else_does(tmp_path: Path) -> None:
    access = tokens_of(tmp_path, {})
    assert [access.role_of(access.tokens[role]) for role in Role] == list(Role)
    for wrong in ("", "x", access.tokens[Role.ADMIN][:-1], access.tokens[Role.ADMIN] + "x", "ä\udcff"):
        assert access.role_of(wrong) is None
    assert OPEN.is_open
    assert OPEN.role_of("") is None


def test_given_tokens_win_and_two_of_them_need_no_file(tmp_path: Path) -> None:
    one = tokens_of(tmp_path, {Role.ADMIN: "a" * 16})
    assert one.role_of("a" * 16) is Role.ADMIN
    assert one.tokens[Role.ANNOTATOR] == tokens_of(tmp_path, {}).tokens[Role.ANNOTATOR]
    both = tokens_of(Path("/proc/none"), {Role.ADMIN: "a" * 16, Role.ANNOTATOR: "b" * 16})
    assert both.cookie != one.cookie


@pytest.mark.parametrize("token", ["a" * 15, "a" * 20 + " ", "ä" * 20, "a" * 16 + "\n"])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(tmp_path: Path, token: str) -> None:
    with pytest.raises(InvalidInputError, match="ACTIVE_LABELER_WEB_ADMIN_TOKEN cannot be used; give at least 16"):
        tokens_of(tmp_path, {Role.ADMIN: token})


def test_one_token_for_both_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="give two different ones"):
        tokens_of(tmp_path, {Role.ADMIN: "a" * 16, Role.ANNOTATOR: "a" * 16})


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"admin": "short", "annotator": "short"}', '{"admin": 1}'])
def test_a_damaged_file_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "access.json").write_text(text)
    with pytest.raises(DamagedError, match=r"access\.json holds no tokens of a labeler; delete it"):
        tokens_of(tmp_path, {})


def test_a_folder_that_cannot_be_written_is_told() -> None:
    with pytest.raises(InvalidInputError, match=r"tokens cannot be kept in /proc/none/access\.json"):
        tokens_of(Path("/proc/none"), {})
