"""Settings of the trainer."""

from __future__ import annotations

from pydantic import Field

from services.common.devices import DeviceSettings


class TrainerSettings(DeviceSettings):
    """What the trainer needs to know to start; the device is that of fine-tuning, heads are trained on the processor."""

    compute_threads: int = Field(
        1, ge=1, description="processor threads of a fine-tuning that names none; heads are trained and scored with one"
    )
