"""Settings of the sampler: those that every service has."""

from __future__ import annotations

from services.common.settings import ServiceSettings


class SamplerSettings(ServiceSettings):
    """What the sampler needs to know to start."""
