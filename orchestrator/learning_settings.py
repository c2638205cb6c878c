"""What a run can be told about its heads, about fine-tuning, and about the tables that show how good they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from orchestrator.setting_types import Folder, Section, lower


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
