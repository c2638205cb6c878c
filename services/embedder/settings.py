"""Settings of the embedder."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from services.common.settings import ServiceSettings


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class EmbedderSettings(ServiceSettings):
    """What the embedder needs to know to start."""

    compute_threads: int = Field(
        default_factory=_cores,
        ge=1,
        description="batches embedded at the same time, each on one thread; not given: one a core",
    )
    decode_threads: int = Field(
        default_factory=_cores, ge=1, description="threads that read and decode images; not given: one for each core"
    )
    device: str = Field(
        "auto", description="device of calls that name none: auto (CUDA when there is any), cpu, cuda or cuda:N"
    )
    require_device: bool = Field(
        False,
        description="refuse cuda where there is no GPU, as a deployed worker should, instead of using the processor",
    )
    gpu_locks: Path | None = Field(
        None, description="folder of the locks by which workers of one machine claim GPUs; not given: none is claimed"
    )
    encoders_kept: int = Field(2, ge=1, description="encoders kept in memory between calls")
