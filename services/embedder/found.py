"""What was found in a file or folder that holds an encoder."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.encoders.spec import EncoderSpec


@dataclass(frozen=True)
class Found:
    """What a file or folder turned out to be.

    Attributes:
        what: in words, the beginning of a sentence.
        layout: its kind, for example "Lightning checkpoint".
        prefix: what the names of the encoder's tensors begin with there.
        left_aside: how many of its tensors are none of the encoder's.
        size_assumed: it does not say the size of the images that it was trained with; what is usual was taken.
        numbers: in its weights, where they are no tensors of the encoder's file; 0: they are.
    """

    what: str
    layout: str
    prefix: str = ""
    left_aside: int = 0
    numbers: int = 0
    size_assumed: bool = False

    def sentence(self, spec: EncoderSpec) -> str:
        """One sentence for people."""
        assumed = ", a size that is assumed: the file names none (encoder.image_size)" if self.size_assumed else ""
        return f"{self.what}: {spec.dim} numbers for an image of {spec.image_size} x {spec.image_size} pixels{assumed}."
