"""Settings of the index: those that every service has, and how much it keeps open."""

from __future__ import annotations

from pydantic import Field

from services.common.settings import ServiceSettings


class IndexSettings(ServiceSettings):
    """What the index needs to know to start."""

    open_generations: int = Field(3, ge=1, description="index: how many generations are kept open for queries")
