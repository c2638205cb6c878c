"""The end of a run: the last labels are trained on, and everything is written where its users expect it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from orchestrator.clients.labeler import Answer
from orchestrator.labeling import replaces
from orchestrator.labels import LabelLog, Labels
from orchestrator.model import Catalogued, Model
from orchestrator.outputs.curated import NEITHER, choose_sides, quality
from orchestrator.outputs.final_dataset import Built, Curated, Mode, build_final_dataset
from orchestrator.outputs.ownership import CKPT, model_name, put_model
from orchestrator.outputs.report import EndReport, as_text
from orchestrator.places import check_data, metric_csv, prob_csv
from orchestrator.questions import TRAIN
from orchestrator.results import Results
from orchestrator.rounds import RoundRecord, learn
from orchestrator.run import Run
from protos.common_pb2 import Artifact

_LAST_WORD_S = 3.0
WEAK = 0.5  # F1 below which a head is of little use beyond the labels


class Finished(BaseModel):
    """The end of a run, in words."""

    model_config = ConfigDict(frozen=True)
    report: str


def finish(run: Run, log: LabelLog, catalogued: Catalogued, model: Model, results: Results) -> Finished:
    """Trains on the labels that no head has learned yet, and writes all outputs."""
    position = run.once("finish/labels", int, lambda: _last_position(run, log, len(results.records)))
    labels = log.at(position)
    if (
        position > model.position and _both(labels, results) and run.proof is None
    ):  # a new head would not be the one proved
        model, _ = learn(run, catalogued, model, labels, len(results.records) + 1, TRAIN, "finish")
    run.latest = model
    finished = run.once("finish", Finished, lambda: _write_all(run, catalogued, model, labels, results))
    run.board.report = finished.report
    run.clients.labeler.close_run(run.id, f"The curated data set is in {run.settings.output}.")
    if run.board.page:
        time.sleep(_LAST_WORD_S)  # the pages ask every two seconds; then the labeler of an embedded run is gone
    run.board.state = "finished"
    return finished


def _last_position(run: Run, log: LabelLog, number: int) -> int:
    """Of the log, once nothing is on offer any more that nobody holds."""
    if replaces(run):
        run.clients.labeler.offer(run.id, number, [], replace=True)
    return log.newest().position


def _write_all(run: Run, catalogued: Catalogued, model: Model, labels: Labels, results: Results) -> Finished:
    results.write_last()
    return Finished(
        report=deliver(
            run,
            catalogued,
            model,
            labels,
            results,
            run.settings.output,
            run.folder.table,
            run.settings.final_dataset.mode,
        )
    )


def deliver(
    run: Run,
    catalogued: Catalogued,
    model: Model,
    labels: Labels,
    results: Results,
    output: Path,
    table: Path,
    mode: Mode,
    models: Sequence[str] = (CKPT,),
) -> str:
    """Writes `final_dataset/` and `final_model.ckpt` (or ``models`` of other kinds) to ``output``, and returns the report."""
    check_data(run.settings)
    output.mkdir(parents=True, exist_ok=True)
    with run.telling("deliver") as words:
        curated = curate(run, catalogued, model, labels, results)
        built = build_final_dataset(curated, output, table, mode)
        words.append(
            f"Wrote {built.positive} positive and {built.negative} negative images to {built.folder or built.table}"
        )
        if built.missing:
            words.append(f"({len(built.missing)} are gone from the data folder, {built.missing[0]} for example)")
    paths = {kind: export_model(run, model, labels, results, output, kind) for kind in models}
    return as_text(_report(run, catalogued, model, labels, results, curated, built, paths))


def _report(
    run: Run,
    catalogued: Catalogued,
    model: Model,
    labels: Labels,
    results: Results,
    curated: Curated,
    built: Built,
    models: Mapping[str, Path | None],
) -> EndReport:
    truth = results.truth & results.present if results.truth is not None else None
    places = {"data set": built.folder or built.table, **model_places(models), "plot": run.folder.plot}
    if run.settings.metrics.enabled and results.records:
        places |= {"metrics": metric_csv(run.settings), "probabilities": prob_csv(run.settings)}
    return EndReport(
        images=catalogued.images,
        quarantined=model.embedded.quarantined,
        rounds=len(results.records),
        labels=len(labels.answers),
        positives=labels.count(Answer.POSITIVE),
        negatives=labels.count(Answer.NEGATIVE),
        unsure=labels.count(Answer.UNSURE),
        curated_positive=built.positive,
        curated_negative=built.negative,
        true_positives=int(truth.sum()) if truth is not None else None,
        quality=quality(curated.sides, truth) if truth is not None else None,
        missing=len(built.missing),
        shown=weak_head(results.records) | _shown(run) | results.agreement(labels.position),
        places={what: place for what, place in places.items() if place is not None and place.exists()},
    )


def weak_head(records: Sequence[RoundRecord]) -> dict[str, str]:
    """A warning where the head of the last round could not tell yes from no: the curated set is little more than the labels."""
    last = next((record.validation for record in reversed(records) if record.validation is not None), None)
    if last is None or not last.f1 < WEAK:
        return {}
    how = f"F1 {last.f1:.2f} on {last.images} labels, of the last head that could be measured"
    return {
        "head": f"could not tell yes from no well ({how}): beyond what people labelled, little is found; label more"
    }


def _shown(run: Run) -> dict[str, str]:
    shown = {}
    if run.board.prevalence is not None and run.board.prevalence.counts:
        shown["prevalence"] = run.board.prevalence.sentence
    if run.audit is not None and run.board.assessed is not None:
        shown["audit"] = run.board.assessed.audit.text
    if run.proof is not None:
        shown["proof"] = f"{run.proof.sentence} It begins with a probability of {run.proof.threshold:.3g}."
    return shown


def model_places(models: Mapping[str, Path | None]) -> dict[str, Path | None]:
    """The lines of a report about models: kind -> file."""
    return {"model" if kind == CKPT else f"model ({kind})": path for kind, path in models.items()}


def curate(run: Run, catalogued: Catalogued, model: Model, labels: Labels, results: Results) -> Curated:
    """The side of every image: by its label, or else by the model."""
    use_head = model.scores is not None and _both(labels, results)
    if not use_head:
        run.reporter.say(f"The data set holds only the labelled images: {why_no_model(model, labels, results)}")
    scores = results.load(model.scores) if model.scores is not None and use_head else None
    if scores is None:
        scores = np.full(len(results.paths), np.nan, dtype=np.float32)
    with run.open_catalog(catalogued.catalog) as catalog:
        threshold = run.threshold
        sides = choose_sides(scores, {item: answer.value for item, answer in labels.answers.items()}, threshold)
        sides.side[~results.present] = NEITHER  # quarantined images stay apart, whatever their label
        return Curated(run.id, catalog.root, results.paths, sides, scores, results.sha256(model.embedded))


def export_model(
    run: Run, model: Model, labels: Labels, results: Results, output: Path, kind: str = CKPT
) -> Path | None:
    """`final_model.ckpt`, or a file of another kind, at its place; without a head there is no model."""
    if model.head is None or not _both(labels, results):
        return None
    name = run.settings.labeling.pos_class or "positive"
    threshold = run.threshold
    artifact = run.clients.trainer.export(run.id, model.encoder, model.head, name, threshold, kind)
    return put_model(run.store.open(artifact.to(Artifact)), output, run.id, model_name(kind))


def why_no_model(model: Model, labels: Labels, results: Results) -> str:
    """What is missing, in words."""
    if not _both(labels, results):
        return "there is no yes and no to learn from; label some images first"
    return "no head has been trained on the labels; answer the next question with l (train the head)"


def _both(labels: Labels, results: Results) -> bool:
    """Whether there is a yes and a no to images that have an embedding."""
    items, positive = labels.training()
    positive = positive[results.present[items.astype(np.int64)]]
    return bool(positive.any() and not positive.all())
