"""Who asks, and of which run."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request

from services.labeler.access import Role

RunName = Annotated[str, Path(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$")]  # in an address


def is_admin(request: Request) -> bool:
    """Whether the gate has let an admin in."""
    return bool(request.state.role is Role.ADMIN)
