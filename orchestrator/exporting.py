"""The curated data set and the model of a run that is not at work, as they are now, without finishing it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from orchestrator.claiming import check_unclaimed
from orchestrator.finish import curate, deliver, export_model, model_places, why_no_model
from orchestrator.labels import LabelLog, Labels
from orchestrator.loop import run_loop
from orchestrator.model import Catalogued, Model
from orchestrator.outputs.final_dataset import Mode
from orchestrator.outputs.formats.registry import FOLDERS, check_apart, check_formats, write_format
from orchestrator.outputs.formats.snapshot import Event, Snapshot
from orchestrator.outputs.ownership import CKPT, MODEL_KINDS, check_file_free, model_name
from orchestrator.outputs.report import visible
from orchestrator.places import check_data
from orchestrator.results import Results
from orchestrator.run import Run, Stopped
from protos.errors import ConflictError, InvalidInputError


@dataclass(frozen=True)
class Wish:
    """What is to be exported.

    Attributes:
        output: the folder to write to.
        mode: how images get there, where a format holds images.
        formats: names of `formats.registry.NAMES`.
        models: of `ownership.MODEL_KINDS`.
    """

    output: Path
    mode: Mode = "copy"
    formats: Sequence[str] = (FOLDERS,)
    models: Sequence[str] = (CKPT,)


def wish_of(output: Path, mode: Mode, formats: Sequence[str], models: Sequence[str]) -> Wish:
    """What is named, each once; where nothing is, `final_dataset/` and `final_model.ckpt`."""
    if not formats and not models:
        return Wish(output, mode)
    return Wish(output, mode, tuple(dict.fromkeys(formats)), tuple(dict.fromkeys(models)))


def check_wish(wish: Wish, run: str, root: Path) -> None:
    """Looks whether everything can be written, before services are started and anything is.

    Args:
        wish: what is to be exported.
        run: the name of the run; its own results are replaced.
        root: the data root.

    Raises:
        InvalidInputError: for a format that is not known, cannot be written here, or would lie among the images.
        ConflictError: when something is there that is not this run's, or another run will write there.
    """
    check_unclaimed(wish.output, run)
    check_formats(wish.formats, wish.output, run, root, wish.mode)
    for kind in wish.models:
        if kind not in MODEL_KINDS:
            raise InvalidInputError(f"--model {kind}: it takes {', '.join(MODEL_KINDS)}")
        check_apart(wish.output / model_name(kind), root)
        check_file_free(wish.output / model_name(kind), run)


def export_now(run: Run, wish: Wish) -> str:
    """Writes what is wished, and returns a report.

    Raises:
        ConflictError: when the run has nothing embedded yet, or no model where one is wished by name.
    """
    run.replaying = True
    with suppress(Stopped):
        run_loop(run)  # the journal tells how far it came; nothing new is done
    if run.latest is None:
        raise ConflictError(f"the run in {run.folder.path} has embedded nothing yet, so there is nothing to export")
    catalogued = run.catalogued or run.once("catalog", Catalogued, _never)
    log = LabelLog(run.clients.labeler, run.id)
    results = run.results or Results(run, catalogued, run.latest.embedded, log)
    return write_now(run, catalogued, run.latest, log.newest(), results, wish)


def write_now(run: Run, catalogued: Catalogued, model: Model, labels: Labels, results: Results, wish: Wish) -> str:
    """Writes what is wished of a run whose state is at hand, and returns a report.

    Raises:
        ConflictError: when there is no model where one is wished by name.
    """
    report = []
    if FOLDERS in wish.formats:
        table = wish.output / "final_dataset.csv"
        report.append(deliver(run, catalogued, model, labels, results, wish.output, table, wish.mode, wish.models))
    else:
        check_data(run.settings)
        report += _write_models(run, model, labels, results, wish)
    return "\n".join([*report, *_write_formats(run, catalogued, model, labels, results, wish)])


def _write_models(run: Run, model: Model, labels: Labels, results: Results, wish: Wish) -> list[str]:
    made = {kind: export_model(run, model, labels, results, wish.output, kind) for kind in wish.models}
    if None in made.values():
        raise ConflictError(f"the run in {run.folder.path} has no model yet: {why_no_model(model, labels, results)}")
    return [_line(what, path) for what, path in model_places(made).items() if path]


def _write_formats(
    run: Run, catalogued: Catalogued, model: Model, labels: Labels, results: Results, wish: Wish
) -> list[str]:
    names = [name for name in wish.formats if name != FOLDERS]
    if not names:
        return []
    snapshot = Snapshot(
        curated=curate(run, catalogued, model, labels, results),
        positive_name=run.settings.labeling.pos_class or "positive",
        events=_events(run, labels.position),
        readable=results.present,
        mode=wish.mode,
        threshold=run.threshold,
        review_from=run.settings.final_dataset.threshold,
        remarks=run.clients.labeler.remarks(run.id),
    )
    return [_line(name, write_format(name, snapshot, wish.output)) for name in names]


def _events(run: Run, position: int) -> list[Event]:
    """The label log up to a position, each event with what the head knew that chose its image."""
    heads: dict[int, int | None] = {}
    events = []
    for event in run.clients.labeler.events(run.id):
        if event.position > position:
            break
        if event.round not in heads:
            heads[event.round] = _head_position(run, event.round)
        events.append(
            Event(
                position=event.position,
                item=event.item,
                answer=event.answer.value,
                round=event.round,
                annotator=event.annotator,
                time_ms=event.time_ms,
                reason=event.reason,
                late=event.late,
                scores_shown=event.scores_shown,
                head_position=heads[event.round],
            )
        )
    return events


def _head_position(run: Run, number: int) -> int | None:
    step = f"round-{number}"
    trained = any(f"{step}/{how}" in run.journal for how in ("train", "fine-tune"))
    return run.once(f"{step}/labels", int, _never) if trained else None


def _line(what: str, path: Path) -> str:
    return f"{what:<15}  {visible(str(path))}"


def _never() -> NoReturn:
    raise AssertionError("the journal has it")
