"""What the orchestrator of a deployment tells of its runs, looked up when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from orchestrator.control.manager import Runs


class RunsCollector(Collector):
    """Where each run stands: its round, its labels, the images found, and whether it waits for an answer."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def describe(self) -> Iterable[Metric]:
        """The metrics are known only when they are asked for."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Gauges by run; the state is 1 for the one that a run is in."""
        number = GaugeMetricFamily("active_labeler_run_round", "The round that a run is in.", labels=["run"])
        images = GaugeMetricFamily("active_labeler_run_images", "Images of a run.", labels=["run"])
        labels = GaugeMetricFamily("active_labeler_run_labels", "Images with an answer.", labels=["run"])
        positives = GaugeMetricFamily("active_labeler_run_positives", "Positives found.", labels=["run"])
        state = GaugeMetricFamily("active_labeler_run_state", "1 for the state of a run.", labels=["run", "state"])
        for managed in self._runs.all():
            run, board = [managed.folder.run], managed.board
            number.add_metric(run, board.round)
            images.add_metric(run, board.images)
            labels.add_metric(run, board.labels)
            positives.add_metric(run, board.positives)
            state.add_metric([*run, board.state], 1)
        return [number, images, labels, positives, state]
