"""Settings of the trainer."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from services.common.settings import ServiceSettings


class TrainerSettings(ServiceSettings):
    """What the trainer needs to know to start."""

    compute_threads: int = Field(
        1, ge=1, description="processor threads of a fine-tuning that names none; heads are trained and scored with one"
    )
    require_device: bool = Field(
        False,
        description="refuse cuda where there is no GPU, as a deployed worker should, instead of using the processor",
    )
    gpu_locks: Path | None = Field(
        None, description="folder of the locks by which workers of one machine claim GPUs; not given: none is claimed"
    )
