"""Everything that a run can be told, with the defaults that it has when it is told nothing.

`config_file.load` reads these settings from YAML, `original_config.load_original` from the original's two files, and
`setting_errors.build` turns what is wrong with them into sentences. The reference in the docs is generated from here.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from orchestrator.setting_types import Colour, Device, Folder, OptionalPath, Strategy, lower

PREPARING = ("mean", "std", "scale", "resize", "filter", "bgr")  # how images are prepared for an ONNX file
DEFAULT_MODEL = "facebook/dinov2-small"  # of the hub, where no encoder is named


class Section(BaseModel):
    """What all groups of settings have in common: unknown names are refused, and nothing changes once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True)


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
        " has it and the vectors of 64 images of the data set keep a cosine of at least 0.9999, else fp32",
    )
    backend: Annotated[Literal["auto", "torch", "openvino"], BeforeValidator(lower)] = Field(
        "auto",
        description="what computes the encoder on processors: torch, or openvino, which is a third faster and has to be installed"
        " where the embedder runs (extra `openvino`); auto: OpenVINO where it is there, the data set has 1,000 images or more,"
        " and the vectors of 64 of them keep a cosine of at least 0.9999 to those of PyTorch in fp32",
    )
    decode: Annotated[Literal["exact", "scaled"], BeforeValidator(lower)] = Field(
        "exact",
        description="exact: the pixels of the original; scaled: a large JPEG is decompressed at a part of its size, which is"
        " faster, with embeddings that are nearly the same (docs/benchmarks.md)",
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


class SeedSetSettings(Section):
    """The first labelled images, which the first head is trained on."""

    mode: Annotated[Literal["neighbours", "folder", "none"], BeforeValidator(lower)] = Field(
        "none",
        description="neighbours: label what looks like `seed_set.reference` or fits `seed_set.phrase`; folder: take"
        " `seed_set.folder`; none: start with images that are unlike each other. Not given, it follows from what is",
    )
    reference: OptionalPath = Field(None, description="an image of what is looked for, from inside or outside the data")
    references: tuple[Folder, ...] = Field((), description="more such images; the neighbours of each count alike")
    phrase: str = Field(
        "", max_length=500, description="what is looked for in words, where the encoder understands text (CLIP)"
    )
    folder: OptionalPath = Field(
        None, description="folder with `positive/` and `negative/`, holding images named as in the data"
    )
    count: int | None = Field(
        None,
        ge=1,
        description="images labelled at first: 80 % neighbours, 20 % random; not given: asked for (20 with auto)",
    )
    repeats: int | None = Field(
        None,
        ge=0,
        description="how often neighbours of the positives so far are added; not given: asked for (0 with auto)",
    )

    @model_validator(mode="before")
    @classmethod
    def _mode_follows(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("mode") is not None:
            return values
        near = [key for key in ("reference", "references", "phrase") if values.get(key)]
        given = ["neighbours"] * bool(near) + ["folder"] * bool(values.get("folder"))
        if len(given) == 2:
            raise ValueError(
                f"seed_set.{near[0]} is {str(values[near[0]])!r} and seed_set.folder is {str(values['folder'])!r};"
                " say which to use with seed_set.mode: neighbours or folder"
            )
        return {**values, "mode": given[0] if given else "none"}

    @model_validator(mode="after")
    def _has_what_the_mode_needs(self) -> SeedSetSettings:
        if self.mode == "neighbours" and not (self.reference or self.references or self.phrase.strip()):
            raise ValueError(
                "seed_set.mode wants neighbours of an image, but seed_set.reference is not set;"
                " give an image of what you look for, or a phrase"
            )
        if self.mode == "folder" and self.folder is None:
            raise ValueError(
                "seed_set.mode wants a folder of labelled images, but seed_set.folder is not set;"
                " give the folder with positive/ and negative/"
            )
        return self


class IndexSettings(Section):
    """The index of nearest neighbours (Annoy)."""

    num_trees: int = Field(
        50, ge=1, le=10_000, description="more trees find truer neighbours and take more memory and time"
    )
    metric: Annotated[Literal["euclidean", "angular"], BeforeValidator(lower)] = Field(
        "euclidean", description="distance between embeddings"
    )
    n_jobs: int = Field(
        1, ge=1, le=1024, description="threads that build the index; only 1 gives the same index every time"
    )
    search_k: int = Field(
        0, ge=0, description="nodes inspected in a search; more is truer and slower; 0: chosen for you"
    )


class SamplingSettings(Section):
    """Which images are asked about in a round."""

    strategy: Strategy = Field(
        "hybrid",
        description="how images are chosen; hybrid: likely positives, uncertain ones, and clusters never visited; positive:"
        " most likely positive; uncertainty: probability nearest to 0.5; all are in docs/strategies.md",
    )
    parameters: dict[str, float] = Field(
        {}, description="numbers that the strategy takes, by name; not given: what suits `goal`, or the strategy's own"
    )
    no_closer_than: float = Field(
        0.0, ge=0, lt=1, description="near-duplicates: no two images of a batch have a larger cosine; 0: no limit"
    )
    anchors: int = Field(0, ge=0, description="choose among so many images drawn by lot; 0: among all")
    seals: int = Field(
        0, ge=0, le=10_000, description="choose among so many nearest neighbours of each positive (SEALS); 0: among all"
    )
    size: int = Field(20, ge=1, description="images chosen in a round")
    neighbours: bool = Field(False, description="ask about the nearest neighbours of the chosen images, too")
    n_closest: int = Field(5, ge=1, description="neighbours of each chosen image; the image itself counts, so 5 adds 4")


class LabelingSettings(Section):
    """How the images get their labels."""

    batch_size: int = Field(10, ge=1, description="images on the page before it stops for a breath")
    continuous: bool = Field(
        False,
        description="train and rank while people label, instead of in rounds: the cards that nobody holds are replaced",
    )
    retrain_after: int = Field(10, ge=1, description="answers after which the next head is trained (continuous)")
    on_offer: int = Field(60, ge=1, description="cards that lie ready for people (continuous)")
    simulate: bool = Field(
        False, description="no person: an image is positive when its file name contains `labeling.pos_class`"
    )
    pos_class: str = Field(
        "", description="text that the file names of positive images contain; for `labeling.simulate` and the metrics"
    )
    second_opinions: float | None = Field(
        None,
        ge=0,
        le=0.5,
        description="share of a round's cards, at most, that are second opinions on answers which the other labels speak against;"
        " where nothing is given: 0.5 where people label, 0 where labels are simulated",
    )
    overlap: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="share of a round's cards that are answered images for a second person, drawn by lot",
    )
    simulate_error: float = Field(0.0, ge=0, le=0.5, description="share of the simulated answers that are wrong")
    port: int = Field(5000, ge=0, le=65535, description="port of the labeling page; 0: any free one")
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="address that the page listens on; 0.0.0.0 lets phones in your network reach it",
    )
    public_url: str = Field(
        "",
        max_length=500,
        description="address of the page as others open it, for the links; empty: this machine's address in its network where"
        " the page listens beyond 127.0.0.1",
    )
    open_browser: bool = Field(
        True, description="open the page when labeling starts, where the terminal is on a machine with a browser"
    )

    @property
    def again(self) -> float:
        """The share of second opinions, whether given or not."""
        if self.second_opinions is not None:
            return self.second_opinions
        return 0.0 if self.simulate else 0.5

    @model_validator(mode="after")
    def _simulation_knows_its_class(self) -> LabelingSettings:
        if self.simulate and not self.pos_class:
            raise ValueError(
                "labeling.simulate is on, but labeling.pos_class is not set;"
                " give the text that the file names of positive images contain"
            )
        return self


class HeadSettings(Section):
    """The small classifier on the embeddings, and how it is trained."""

    kind: Literal["logistic", "SSLEvaluator", "SSLEvaluatorOneLayer"] = Field(
        "logistic",
        description="logistic: balanced logistic regression on unit-length embeddings, calibrated; the original's heads:"
        " SSLEvaluator with three hidden layers, SSLEvaluatorOneLayer with one",
    )
    c: float = Field(10.0, gt=0, lt=1e9, description="how closely the head follows its labels (logistic)")
    hidden_dim: int = Field(128, ge=0, le=65_536, description="width of the (first) hidden layer; 0: a linear head")
    lr: float = Field(0.05, gt=0, description="learning rate at the start (SGD)")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of the inputs that is left out while training")
    scheduler: Annotated[Literal["cosine", "step"], BeforeValidator(lower)] = Field(
        "cosine", description="how the learning rate falls: cosine, or step at `head.decay_epochs`"
    )
    final_lr: float = Field(1e-6, ge=0, description="learning rate at the end (cosine)")
    gamma: float = Field(0.1, gt=0, description="what the learning rate is multiplied with at each step (step)")
    decay_epochs: tuple[Annotated[int, Field(ge=0)], ...] = Field((), description="epochs at which it is (step)")
    weight_decay: float = Field(1e-6, ge=0, description="pull of the weights towards zero (L2)")
    momentum: float = Field(0.9, ge=0, lt=1, description="of SGD")
    epochs: int = Field(50, ge=1, description="passes over the labels in a round")
    batch_size: int = Field(32, ge=1, description="labels in one step of the training")
    validation_share: float = Field(
        0.2, ge=0, lt=1, description="share of the labels that is held out to measure quality"
    )
    seed: int | None = Field(None, ge=0, lt=2**63, description="seed of the training; not given: `seed`")

    @model_validator(mode="after")
    def _layers_have_width(self) -> HeadSettings:
        if self.kind == "SSLEvaluator" and 0 < self.hidden_dim < 4:
            raise ValueError(
                f"head.hidden_dim is {self.hidden_dim}, of which the third layer of head.kind 'SSLEvaluator' is a quarter;"
                " give at least 4, or 0 for a linear head"
            )
        return self


class FineTuneSettings(Section):
    """Training the encoder together with the head, on the labelled images themselves."""

    encoder_lr: float = Field(1e-3, gt=0, description="learning rate of the encoder")
    train_encoder: bool = Field(True, description="false keeps the encoder as it is, and only the head learns")
    epochs: int | None = Field(None, ge=1, description="passes over the labelled images; not given: `head.epochs`")


class MetricsSettings(Section):
    """Tables about the run, one row or column a round."""

    enabled: bool = Field(True, description="write the two tables")
    metric_csv: Folder = Field(Path("metrics.csv"), description="quality of each round; relative to `output`")
    prob_csv: Folder = Field(Path("probabilities.csv"), description="probabilities in each round; relative to `output`")

    @model_validator(mode="after")
    def _two_files(self) -> MetricsSettings:
        if self.enabled and os.path.normpath(self.metric_csv) == os.path.normpath(self.prob_csv):
            raise ValueError(
                f"metrics.metric_csv and metrics.prob_csv are both {str(self.metric_csv)!r}; give two different files"
            )
        return self


class FinalDatasetSettings(Section):
    """The curated data set that a run ends with."""

    mode: Annotated[Literal["copy", "hardlink", "symlink", "list"], BeforeValidator(lower)] = Field(
        "copy",
        description="how images get into it: copy; hardlink or symlink (no space, but not apart from the originals);"
        " list writes only the table of it",
    )
    threshold: float = Field(
        0.5, gt=0, lt=1, description="images that nobody labelled are positive from this probability on"
    )


class AutoSettings(Section):
    """A run that asks no questions."""

    enabled: bool = Field(False, description="answer the loop's questions with the settings below")
    rounds: int = Field(10, ge=0, description="rounds after the seed set")
    choice: Annotated[Literal["train", "fine_tune"], BeforeValidator(lower)] = Field(
        "train", description="what each round begins with: train the head, or fine_tune encoder and head"
    )
    stop_after_rounds_without_positive: int = Field(
        0, ge=0, description="finish when so many rounds in a row found no positive; 0: never for that reason"
    )
    max_labels: int = Field(0, ge=0, description="finish when there are so many labels; 0: no limit")


class EndpointSettings(Section):
    """Services that run already, as host:port or dns:///name:port; those not given are started on this machine."""

    embedder: str | None = Field(None, description="address of the embedder")
    index: str | None = Field(None, description="address of the index")
    trainer: str | None = Field(None, description="address of the trainer")
    sampler: str | None = Field(None, description="address of the sampler")
    labeler: str | None = Field(None, description="address of the labeler (gRPC, not the page)")


class RunSettings(Section):
    """All settings of a run."""

    data: Folder = Field(
        description=(
            "folder with the images, nested or flat; where it contains `Unlabeled/`, only the images in there. Or a list of"
            " files (CSV, JSON lines, Parquet, text), or a URL that fsspec knows, for example `s3://bucket/folder`"
        )
    )
    tile: int = Field(
        0,
        ge=0,
        le=8192,
        description="larger images are cut into windows of so many pixels a side, each an item of its own; 0: none are",
    )
    runtime: Folder = Field(Path("runtime"), description="folder for everything that the run needs to go on later")
    output: Folder = Field(Path(), description="folder for `final_dataset/`, `final_model.ckpt` and the logs")
    name: str = Field(
        "", max_length=200, description="what the run is called on the page; not given: the data folder's name"
    )
    question: str = Field("", max_length=500, description="what people are asked about each image")
    definition: str = Field(
        "",
        max_length=5000,
        description="what counts as yes and what does not, in some sentences; the page shows it one key away",
    )
    goal: Annotated[Literal["find_all", "classifier", "both"], BeforeValidator(lower)] = Field(
        "both",
        description="what the hybrid strategy leans to: find_all: likely positives; classifier: uncertain images",
    )
    verbose: bool = Field(True, description="log every step; otherwise warnings only")
    seed: int = Field(0, ge=0, lt=2**63, description="start of every random choice: the same seed gives the same run")
    device: Device = Field("auto", description="auto (a GPU where there is one), cpu, cuda or cuda:0")
    threads: int = Field(0, ge=0, le=4096, description="processor threads of each service; 0: chosen for this machine")
    encoder: EncoderSettings = EncoderSettings()
    seed_set: SeedSetSettings = SeedSetSettings()
    index: IndexSettings = IndexSettings()
    sampling: SamplingSettings = SamplingSettings()
    labeling: LabelingSettings = LabelingSettings()
    head: HeadSettings = HeadSettings()
    fine_tune: FineTuneSettings = FineTuneSettings()
    metrics: MetricsSettings = MetricsSettings()
    final_dataset: FinalDatasetSettings = FinalDatasetSettings()
    auto: AutoSettings = AutoSettings()
    endpoints: EndpointSettings = EndpointSettings()

    @property
    def head_seed(self) -> int:
        """Seed of the training: `head.seed`, or else `seed`."""
        return self.seed if self.head.seed is None else self.head.seed

    @property
    def cards(self) -> int:
        """How many images are chosen at a time: a round's, or those that lie ready while labeling goes on."""
        return self.labeling.on_offer if self.labeling.continuous else self.sampling.size

    @property
    def fine_tune_epochs(self) -> int:
        """Epochs of fine-tuning: `fine_tune.epochs`, or else `head.epochs`."""
        return self.fine_tune.epochs or self.head.epochs

    @property
    def reference_images(self) -> list[Path]:
        """All images of what is looked for."""
        first = [self.seed_set.reference] if self.seed_set.reference else []
        return [*first, *self.seed_set.references]

    def to_json(self) -> str:
        """ASCII JSON, as it goes over the wire; paths that are no UTF-8 survive."""
        return json.dumps(self.model_dump(), default=str)
