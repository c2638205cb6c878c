"""Everything that a run can be told, with the defaults that it has when it is told nothing.

`config_file.load` reads these settings from YAML, `original_config.load_original` from the original's two files, and
`setting_errors.build` turns what is wrong with them into sentences. The reference in the docs is generated from here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from orchestrator.encoder_settings import EncoderSettings
from orchestrator.labeling_settings import LabelingSettings, SamplingSettings, SeedSetSettings
from orchestrator.learning_settings import FineTuneSettings, HeadSettings, MetricsSettings
from orchestrator.setting_types import Device, Folder, Section, lower


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
    def yes_begins_at(self) -> float:
        """The probability around which a strategy is unsure: the original's heads are not calibrated, and decide at 0.5."""
        return self.final_dataset.threshold if self.head.kind == "logistic" else 0.5

    @property
    def reference_images(self) -> list[Path]:
        """All images of what is looked for."""
        first = [self.seed_set.reference] if self.seed_set.reference else []
        return [*first, *self.seed_set.references]

    def to_json(self) -> str:
        """ASCII JSON, as it goes over the wire; paths that are no UTF-8 survive."""
        return json.dumps(self.model_dump(), default=str)
