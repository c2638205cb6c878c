"""Settings of the embedder."""

from __future__ import annotations

import os

from pydantic import Field

from services.common.devices import DeviceSettings


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class EmbedderSettings(DeviceSettings):
    """What the embedder needs to know to start."""

    compute_threads: int = Field(
        default_factory=_cores,
        ge=1,
        description="batches embedded at the same time, each on one thread; not given: one a core",
    )
    decode_threads: int = Field(
        default_factory=_cores, ge=1, description="threads that read and decode images; not given: one for each core"
    )
    cuda_graphs: bool = Field(True, description="on a GPU, record the encoder once and replay it, a call for a batch")
    encoders_kept: int = Field(2, ge=1, description="encoders kept in memory between calls")
