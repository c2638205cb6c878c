"""Who may do what: two tokens, made once, that outlive restarts."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from protos.errors import DamagedError, InvalidInputError

SHORTEST = 16  # letters of a token
_BYTES = 18  # random ones in a token of ours


class Role(StrEnum):
    """What somebody is to a labeler: an admin steers the loop, an annotator labels."""

    ADMIN = "admin"
    ANNOTATOR = "annotator"


@dataclass(frozen=True)
class Access:
    """The tokens of a labeler. Without any, everybody who reaches the page is an admin.

    Attributes:
        tokens: of each role; none where the page is open.
    """

    tokens: dict[Role, str]

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked for a token."""
        return not self.tokens

    @property
    def cookie(self) -> str:
        """The name of this labeler's cookie: browsers keep one jar for all ports of a host."""
        digest = hashlib.sha256("\n".join(self.tokens.values()).encode()).hexdigest()
        return f"active_labeler_{digest[:12]}"

    def role_of(self, token: str) -> Role | None:
        """The role that a token stands for; None where it is none of ours."""
        given = token.encode("utf-8", "replace")
        found = [role for role, known in self.tokens.items() if hmac.compare_digest(known.encode(), given)]
        return found[0] if found else None


OPEN = Access({})


def tokens_of(folder: Path, given: dict[Role, str]) -> Access:
    """The tokens kept in ``folder/access.json``, made where there are none yet; ``given`` ones win.

    Raises:
        InvalidInputError: when a given token is too short, the two are alike, or the folder cannot be written.
        DamagedError: when the file is none of ours.
    """
    wanted = {role: token for role, token in given.items() if token}
    for role, token in wanted.items():
        if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
            raise InvalidInputError(
                f"ACTIVE_LABELER_WEB_{role.upper()}_TOKEN cannot be used; give at least {SHORTEST} letters, digits or signs"
            )
    kept = {} if len(wanted) == len(Role) else _kept(folder / "access.json")
    tokens = {role: wanted.get(role) or kept[role] for role in Role}
    if tokens[Role.ADMIN] == tokens[Role.ANNOTATOR]:
        raise InvalidInputError(
            "the tokens of admin and annotator are the same; give two different ones, as annotators may not steer the loop"
        )
    return Access(tokens)


def _kept(file: Path) -> dict[Role, str]:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            _make(file)
        text = file.read_text()
    except OSError as error:
        raise InvalidInputError(
            f"tokens cannot be kept in {file}: {error.strerror}; set ACTIVE_LABELER_LABELS to a folder of this user's"
        ) from error
    try:
        found = json.loads(text)
        return {role: _checked(found[role]) for role in Role}
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(
            f"{file} holds no tokens of a labeler; delete it, and new links are made at the next start"
        ) from error


def _checked(token: object) -> str:
    if not isinstance(token, str) or len(token) < SHORTEST:
        raise ValueError("no token")
    return token


def _make(file: Path) -> None:
    """Writes new tokens, whole and for this user alone; a labeler that was faster wins."""
    draft = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as out:
            json.dump({role: secrets.token_urlsafe(_BYTES) for role in Role}, out)
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(draft, file)
        except FileExistsError:
            return
    finally:
        draft.unlink()
