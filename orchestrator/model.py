"""What the loop has made and learned so far."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from orchestrator.clients.refs import ArtifactRef, EncoderRef, GenerationRef, HeadRef


class Catalogued(BaseModel):
    """The images of the data set, listed once."""

    model_config = ConfigDict(frozen=True)
    catalog: ArtifactRef
    images: int


class Computing(BaseModel):
    """How the encoder computes, where the settings leave it open.

    Attributes:
        precision: "fp32", "bf16" or "fp16".
        backend: "torch", or "openvino" where a worker has it.
    """

    model_config = ConfigDict(frozen=True)
    precision: str = "fp32"
    backend: str = "torch"

    @model_validator(mode="before")
    @classmethod
    def _of_old(cls, value: Any) -> Any:
        """Runs that began before there was a choice of back ends have the precision alone in their journals."""
        return {"precision": value} if isinstance(value, str) else value


class Embedded(BaseModel):
    """The data set as an encoder sees it."""

    model_config = ConfigDict(frozen=True)
    generation: GenerationRef
    quarantined: int
    blocks: ArtifactRef


class Model(BaseModel):
    """What the loop has learned so far.

    Attributes:
        scores: probabilities of all items by ``head``; none before the first training.
        position: of the label log that ``head`` has learned.
    """

    model_config = ConfigDict(frozen=True)
    encoder: EncoderRef
    embedded: Embedded
    head: HeadRef | None = None
    scores: ArtifactRef | None = None
    position: int = -1

    @property
    def generation(self) -> GenerationRef:
        """The vectors that belong to the encoder."""
        return self.embedded.generation
