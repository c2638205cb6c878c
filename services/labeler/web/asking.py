"""Who asks."""

from __future__ import annotations

from fastapi import Request

from services.labeler.access import Role


def is_admin(request: Request) -> bool:
    """Whether the gate has let an admin in."""
    return bool(request.state.role is Role.ADMIN)
