"""Settings of the embedder."""

from __future__ import annotations

from pydantic import Field

from services.common.cores import cores
from services.common.devices import DeviceSettings


class EmbedderSettings(DeviceSettings):
    """What the embedder needs to know to start."""

    compute_threads: int = Field(
        default_factory=cores,
        ge=1,
        description="batches embedded at the same time, each on one thread; not given: one a core",
    )
    decode_threads: int = Field(
        default_factory=cores, ge=1, description="threads that read and decode images; not given: one for each core"
    )
    decode_processes: int | None = Field(
        None,
        ge=0,
        description="processes that decode images in the place of those threads; not given: one for each core, 32 at most,"
        " where a GPU computes, none elsewhere; 0: none",
    )
    cuda_graphs: bool = Field(True, description="on a GPU, record the encoder once and replay it, a call for a batch")
    nvjpeg: bool = Field(
        False,
        description="on a GPU, let it decode JPEG files where torchvision (extra `timm`) is installed and the encoder takes"
        " scaled decoding; it was never tried on a GPU",
    )
    encoders_kept: int = Field(2, ge=1, description="encoders kept in memory between calls")
