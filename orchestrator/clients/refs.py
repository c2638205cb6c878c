"""What the loop remembers of the answers of services: small immutable models that the journal can keep.

The loop speaks of these; only the clients know messages.
"""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound="Ref")


class Ref(BaseModel):
    """A message of the contracts as a model with the same field names."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    @classmethod
    def of(cls: type[R], message: Message, **more: Any) -> R:
        """The model of a message; ``more`` holds fields that the message does not have."""
        fields = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        return cls.model_validate({**fields, **more})

    def to(self, kind: type[M]) -> M:
        """The message of this model; fields that the message does not know are left out."""
        return ParseDict(self.model_dump(), kind(), ignore_unknown_fields=True)


class ArtifactRef(Ref):
    """An immutable file in the artifact store."""

    path: str
    sha256: str
    bytes: int


class EncoderRef(Ref):
    """An encoder with its preprocessing.

    Attributes:
        decode: "exact" ("": the same) or "scaled", as it reads files.
        upright: whether it rotates images as EXIF says.
    """

    artifact: ArtifactRef
    architecture: str
    dim: int
    image_size: int
    decode: str = ""
    upright: bool = False

    @property
    def reading(self) -> str:
        """How it reads files, in words."""
        way = "scaled, large JPEG files at a part of their size" if self.decode == "scaled" else "exactly"
        return f"{way}{', rotated as EXIF says' if self.upright else ''}"


class HeadRef(Ref):
    """A classifier on embeddings."""

    artifact: ArtifactRef
    kind: str
    dim: int


class GenerationRef(Ref):
    """Vectors of all items, and the index of their neighbours."""

    id: str
    vectors: ArtifactRef
    present: ArtifactRef
    index: ArtifactRef
    rows: int
    dim: int
    metric: str
    num_trees: int
    n_jobs: int
    seed: int


class BlockRef(Ref):
    """The embeddings of up to 256 items."""

    first_item: int
    rows: int
    artifact: ArtifactRef
    quarantined: int


class ValidationRef(Ref):
    """Quality on the validation split; not-a-number where it is not defined."""

    f1: float
    precision: float
    accuracy: float
    recall: float
    loss: float
    images: int


class Trained(BaseModel):
    """A trained head, and how well it did; after fine-tuning the encoder, too.

    Attributes:
        out_of_fold: float32 [labels] in the order of the labels; None where a head cannot be cross-validated.
        refused: fine-tuning was of no use: ``encoder`` is the one from before.
        verdict: on fine-tuning, in one sentence; "" where nothing was compared.
        held_back: labels that the head has not learned from: they are doubted, and somebody will be asked once more.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    head: HeadRef
    validation: ValidationRef
    best_epoch: int
    seconds: float
    encoder: EncoderRef | None = None
    out_of_fold: ArtifactRef | None = None
    refused: bool = False
    verdict: str = ""
    held_back: int = 0


class Pick(BaseModel):
    """An image worth asking about, and why; ``score`` is not-a-number where there was no head yet.

    Attributes:
        second: it was answered already; this is for somebody else, or, where nobody else labels, for the same person.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    item: int
    reason: str
    score: float
    second: bool = False
