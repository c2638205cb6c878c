"""What a run can be told about its encoder."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from orchestrator.setting_types import Colour, OptionalPath, Section, lower

PREPARING = ("mean", "std", "scale", "resize", "filter", "bgr")  # how images are prepared for an ONNX file
DEFAULT_MODEL = "facebook/dinov2-small"  # of the hub, where no encoder is named


class EncoderSettings(Section):
    """The network that turns an image into an embedding."""

    path: OptionalPath = Field(
        None,
        description="checkpoint of a self-supervised encoder (.ckpt or .pt), an ONNX file (model.onnx), a file of"
        " `active-labeler pretrain`, or a folder of `active-labeler encoder import`",
    )
    model: str = Field(
        "",
        max_length=1000,
        description="instead of a checkpoint: a model of the Hugging Face hub, by its name (such as facebook/dinov2-small) or as"
        " a local folder; DINOv2, DINOv3, CLIP, SigLIP, ViT, ResNet or ConvNeXt, and models of timm"
        " (timm/resnet18.a1_in1k)",
    )
    family: Annotated[Literal["simclr", "simsiam"] | None, BeforeValidator(lower)] = Field(
        None, description="how the checkpoint was trained; only shown, the file itself decides"
    )
    builtin: str = Field(
        "",
        description="encoder that needs no file: hog; used when there is no `encoder.path` or `encoder.model`. None of the"
        f" three: the model {DEFAULT_MODEL} of the hub",
    )
    image_size: int = Field(
        0, ge=0, le=4096, description="side in pixels that images are resized to; 0: what the encoder was made for"
    )
    dim: int = Field(
        0, ge=0, description="length of an embedding, checked against the checkpoint; 0: taken from it unchecked"
    )
    precision: Annotated[Literal["auto", "fp32", "bf16"], BeforeValidator(lower)] = Field(
        "auto",
        description="numbers that the encoder computes with: fp32 is exact, bf16 about twice as fast; auto: bf16 where the device"
        " has it (fp16 on GPUs of before, from Volta on) and the vectors of 64 images of the data set keep a cosine of at"
        " least 0.9999, else fp32",
    )
    backend: Annotated[Literal["auto", "torch", "openvino"], BeforeValidator(lower)] = Field(
        "auto",
        description="what computes the encoder on processors: torch, or openvino, which is a third faster and has to be installed"
        " where the embedder runs (extra `openvino`); auto: OpenVINO where it is there, the data set has 1,000 images or more,"
        " and the vectors of 64 of them keep a cosine of at least 0.9999 to those of PyTorch in fp32",
    )
    decode: Annotated[Literal["auto", "exact", "scaled"], BeforeValidator(lower)] = Field(
        "auto",
        description="exact: every pixel of a file; scaled: a large JPEG is decompressed at a part of its size, which is two to"
        " three times as fast; auto: scaled where the data set has 1,000 images or more, and the vectors of 32 of them keep a"
        " cosine of at least 0.999 to exact decoding, else exact. Fine-tuning and the final model read files in the same way",
    )
    rotation: Annotated[Literal["auto", "stored", "exif"], BeforeValidator(lower)] = Field(
        "auto",
        description="exif: the encoder sees images upright, as people do; stored: as they lie in the file, as the original; auto:"
        " what the encoder says, which is exif for models of the hub, stored for others",
    )

    mean: Colour = Field(
        (), description="of an ONNX file with no JSON beside it: what is taken from red, green and blue, once scaled"
    )
    std: Colour = Field((), description="what they are divided by then; with `encoder.mean`")
    scale: float = Field(1 / 255, gt=0, description="what bytes are multiplied with first; with `encoder.mean`")
    resize: int = Field(
        0,
        ge=0,
        le=8192,
        description="pixels of the shorter side before the middle square is cut out; 0: all of the image becomes the square;"
        " with `encoder.mean`",
    )
    filter: Annotated[
        Literal["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"], BeforeValidator(lower)
    ] = Field("bilinear", description="how images are resized (Pillow's filters); with `encoder.mean`")
    bgr: bool = Field(False, description="whether blue comes first; with `encoder.mean`")

    @property
    def leaves_something_open(self) -> bool:
        """Whether precision or back end are to be chosen; the builtin encoder knows only one of each."""
        return "auto" in (self.precision, self.backend) and not self._is_builtin

    def reads_as(self, decode: str, upright: bool) -> bool:
        """Whether an encoder that reads files so needs not be asked for another way."""
        wanted = self.rotation == "auto" or (self.rotation == "exif") == upright
        return wanted and self.decode == (decode or "exact")

    @property
    def _is_builtin(self) -> bool:
        return bool(self.builtin) and not (self.path or self.model)

    @property
    def is_named(self) -> bool:
        """Whether anybody has said which encoder."""
        return bool(self.path or self.model or self.builtin)

    @model_validator(mode="after")
    def _is_one(self) -> EncoderSettings:
        if self.path is not None and self.model:
            raise ValueError(
                f"encoder.path is '{self.path}' and encoder.model is {self.model!r}; give the one that you want to use"
            )
        return self

    @model_validator(mode="after")
    def _is_computed_by_somebody(self) -> EncoderSettings:
        if self.backend == "openvino" and self._is_builtin:
            raise ValueError(
                f"encoder.backend is openvino, but the builtin {self.builtin} is no network; set it to auto, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _prepares_images_wholly(self) -> EncoderSettings:
        defaults = EncoderSettings.model_fields
        given = [name for name in PREPARING if getattr(self, name) != defaults[name].default]
        if given and (len(self.mean) != 3 or len(self.std) != 3):
            raise ValueError(
                f"encoder.{given[0]} is set, but encoder.mean has {len(self.mean)} numbers and encoder.std has {len(self.std)};"
                " give both with three, for red, green and blue"
            )
        if given and self.path is None:
            raise ValueError(
                f"encoder.{given[0]} is set, but encoder.path is not; it is for ONNX files, others say how images are prepared"
            )
        return self
