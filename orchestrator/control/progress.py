"""How far a search is, for the page: rounds, lights, advice."""

from __future__ import annotations

from orchestrator.clients.certainty import Light
from orchestrator.control.manager import ManagedRun
from protos import control_pb2

_NAN = float("nan")


def progress_of(managed: ManagedRun) -> control_pb2.Progress:
    """What the board and the tables of a run say."""
    board, work = managed.board, managed.work
    records = list(work.results.records) if work is not None and work.results is not None else []
    positive, negative, unsure = board.seeds
    progress = control_pb2.Progress(
        run=managed.folder.run,
        labels=board.labels,
        positives=board.positives,
        rounds=[
            control_pb2.RoundProgress(positive=positive, negative=negative, unsure=unsure),
            *(
                control_pb2.RoundProgress(
                    round=record.number,
                    choice=record.choice,
                    positive=record.labelled.positive,
                    negative=record.labelled.negative,
                    unsure=record.labelled.unsure,
                )
                for record in records
            ),
        ],
        model_recall=_NAN,
        audited_recall=_NAN,
        audited_at_least=_NAN,
    )
    assessed = board.assessed
    if assessed is not None:
        progress.head.CopyFrom(_light(assessed.head))
        progress.coverage.CopyFrom(_light(assessed.coverage))
        progress.audit.CopyFrom(_light(assessed.audit))
        progress.advice = assessed.advice
        progress.model_recall = assessed.model_recall
        progress.audited_recall = assessed.audited_recall
        progress.audited_at_least = assessed.audited_at_least
    return progress


def _light(light: Light) -> control_pb2.ProgressLight:
    return control_pb2.ProgressLight(colour=light.colour, text=light.text)
