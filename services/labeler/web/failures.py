"""What a request hears of a failure: one sentence in JSON, never a traceback."""

from __future__ import annotations

import json
from http import HTTPStatus

from protos.errors import (
    ActiveLabelerError,
    ConflictError,
    DamagedError,
    DeadlineError,
    ExhaustedError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from services.common.images import UnreadableImageError
from services.labeler.text import clean

_STATUS: tuple[tuple[type[ActiveLabelerError], HTTPStatus], ...] = (
    (UnreadableImageError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (InvalidInputError, HTTPStatus.BAD_REQUEST),
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (ConflictError, HTTPStatus.CONFLICT),
    (DamagedError, HTTPStatus.GONE),
    (UnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (DeadlineError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ExhaustedError, HTTPStatus.INSUFFICIENT_STORAGE),
)


def status_and_sentence(error: Exception) -> tuple[int, str]:
    """The status for an error, and what to say; an error that is none of ours is a defect, and the log has it."""
    if isinstance(error, ActiveLabelerError):
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
        return int(status), str(error)
    return 500, f"a defect of the labeler: {type(error).__name__}; its log says more"


def body_of(sentence: str, run: object = None) -> bytes:
    """The JSON of a refusal.

    Args:
        run: which it is about, where the address names one.
    """
    body = {"error": clean(sentence, 500)} | ({"run": clean(run, 100)} if isinstance(run, str) else {})
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
