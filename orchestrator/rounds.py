"""One round of active learning: train, score, select, offer, label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from orchestrator.clients.refs import ArtifactRef, GenerationRef, HeadRef, Pick, Trained, ValidationRef
from orchestrator.embedding import embed
from orchestrator.labeling import Labelled, label
from orchestrator.labels import LabelLog, Labels
from orchestrator.model import Catalogued, Embedded, Model
from orchestrator.opinions import held_back
from orchestrator.pruning import prune
from orchestrator.questions import FINE_TUNE
from orchestrator.run import Run
from orchestrator.selecting import choose_images
from protos.about import enter_round


class RoundRecord(BaseModel):
    """What is kept of a round for the tables; ``validation`` is none where nothing could be trained.

    Attributes:
        position: of the label log when the round began.
        labelled: with those of the audits before it, which have its number.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")
    number: int
    choice: str
    position: int
    labelled: Labelled
    scores: ArtifactRef | None
    validation: ValidationRef | None
    train_seconds: float


def one_round(
    run: Run, log: LabelLog, catalogued: Catalogued, model: Model, number: int, choice: str
) -> tuple[Model, RoundRecord]:
    """Trains on all labels so far, picks images, and has them labelled.

    Returns:
        the model that picked them, and the record of the round.
    """
    step = f"round-{number}"
    run.board.round = number
    enter_round(number)
    position = run.once(f"{step}/labels", int, lambda: log.newest().position)
    labels = log.at(position)
    model, trained = learn(run, catalogued, model, labels, number, choice, step)
    run.latest = model  # searches, grids and exports during the round go by it
    out_of_fold = trained.out_of_fold if trained else None
    picks = run.once(f"{step}/select", list[Pick], lambda: choose_images(run, log, model, number, labels, out_of_fold))
    labelled = label(run, log, number, picks, step, position if run.settings.labeling.continuous else None)
    record = RoundRecord(
        number=number,
        choice=choice,
        position=position,
        labelled=labelled,
        scores=model.scores,
        validation=trained.validation if trained else None,
        train_seconds=trained.seconds if trained else 0.0,
    )
    return model, record


def learn(
    run: Run, catalogued: Catalogued, model: Model, labels: Labels, number: int, choice: str, step: str
) -> tuple[Model, Trained | None]:
    """Trains (or fine-tunes) on ``labels`` and scores the pool; with no yes and no no yet there is nothing to learn."""
    if not len(labels.training()[0]):
        run.reporter.say("No image has a yes or a no yet, so there is nothing to train on; images are drawn at random")
        return model, None
    if choice == FINE_TUNE:
        trained = run.once(f"{step}/fine-tune", Trained, lambda: _fine_tune(run, catalogued, model, labels, number))
        assert trained.encoder is not None
        encoder = trained.encoder
        if encoder.artifact.sha256 != model.encoder.artifact.sha256:  # else its vectors are there
            embedded = run.once(f"{step}/embed", Embedded, lambda: embed(run, catalogued, encoder))
            run.generations.append(embedded)
            prune(run, run.generations)
            model = model.model_copy(update={"encoder": encoder, "embedded": embedded})
    else:
        doubted = _doubted(run, labels, number) if step != "finish" else ((), 0.0)
        trained = run.once(f"{step}/train", Trained, lambda: _train(run, model, labels, number, doubted))
    scores = run.once(f"{step}/score", ArtifactRef, lambda: _score(run, trained.head, model.generation))
    update = {"head": trained.head, "scores": scores, "position": labels.position}
    return model.model_copy(update=update), trained


def _doubted(run: Run, labels: Labels, number: int) -> tuple[list[int], float]:
    """What the head shall not learn from yet; nothing where nobody is asked twice."""
    return held_back(labels, number) if run.settings.labeling.again else ([], 0.0)


def _train(run: Run, model: Model, labels: Labels, number: int, doubted: tuple[Sequence[int], float]) -> Trained:
    with run.telling("train") as words:
        trained = run.clients.trainer.train_head(
            run.id, number, model.generation, labels.training(), labels.position, model.head, run.settings, doubted
        )
        left_out = (
            f"; {trained.held_back} doubted yes left out until somebody has looked again" if trained.held_back else ""
        )
        words.append(f"Trained the head on {_amount(labels)}{_quality(trained)}{left_out}")
    return trained


def _fine_tune(run: Run, catalogued: Catalogued, model: Model, labels: Labels, number: int) -> Trained:
    with run.telling("fine-tune") as words:
        trained = run.clients.trainer.fine_tune(
            run.id,
            number,
            model.encoder,
            catalogued.catalog,
            labels.training(),
            labels.position,
            model.head,
            run.settings,
            model.generation,
        )
        assert trained.encoder is not None
        alone = trained.encoder.artifact.sha256 == model.encoder.artifact.sha256
        what = "Trained the head alone (the encoder stays as it is)" if alone else "Fine-tuned encoder and head"
        words.append(f"{what} on {_amount(labels)}{_quality(trained)}")
        if trained.verdict:
            words[-1] += f". The new encoder is {trained.verdict}"
    return trained


def _amount(labels: Labels) -> str:
    items, positive = labels.training()
    return f"{len(items)} labels, {int(positive.sum())} of them positive"


def _quality(trained: Trained) -> str:
    quality = trained.validation
    if np.isnan(quality.accuracy):
        return ""
    if trained.out_of_fold is not None:
        return f"; cross-validated {_figures(quality)} on {quality.images}"
    return f"; {_figures(quality)} on {quality.images} held out"


def _figures(quality: ValidationRef) -> str:
    """F1 first: where few are positive, a head that says no to all is right nearly always."""
    f1 = f"F1 {quality.f1:.2f}, " if not np.isnan(quality.f1) else ""
    return f"{f1}accuracy {quality.accuracy:.2f}"


def _score(run: Run, head: HeadRef, generation: GenerationRef) -> ArtifactRef:
    with run.telling("score") as words:
        scores = run.clients.trainer.score(run.id, head, generation)
        words.append(f"Scored {generation.rows} images")
    return scores
