"""The curated data set and the model of a run that is not at work, as they are now, without finishing it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from orchestrator.finish import deliver
from orchestrator.labels import LabelLog
from orchestrator.loop import run_loop
from orchestrator.model import Catalogued
from orchestrator.outputs.final_dataset import Mode
from orchestrator.results import Results
from orchestrator.run import Run, Stopped
from protos.errors import ConflictError


def export_now(run: Run, output: Path, mode: Mode) -> str:
    """Writes `final_dataset/`, `final_dataset.csv` and `final_model.ckpt` to ``output``, and returns the report.

    Raises:
        ConflictError: when the run has nothing embedded yet.
    """
    run.replaying = True
    with suppress(Stopped):
        run_loop(run)  # the journal tells how far it came; nothing new is done
    if run.latest is None:
        raise ConflictError(f"the run in {run.folder.path} has embedded nothing yet, so there is nothing to export")
    catalogued = run.once("catalog", Catalogued, _never)
    log = LabelLog(run.clients.labeler, run.id)
    results = run.results or Results(run, catalogued, run.latest.embedded, log)
    table = output / "final_dataset.csv"
    return deliver(run, catalogued, run.latest, log.newest(), results, output, table, mode)


def _never() -> Catalogued:
    raise AssertionError("the journal has it")
