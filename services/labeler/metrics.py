"""What the labeler tells of its store, looked up when somebody asks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from protos.errors import ActiveLabelerError
from services.labeler.store.runs import Level

log = logging.getLogger(__name__)


class QueueCollector(Collector):
    """Cards that wait and labels that have come, of each run whose labeling is not over."""

    def __init__(self, levels: Callable[[], list[Level]]) -> None:
        self._levels = levels

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked of the store before somebody asks for metrics."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Two gauges; without a sample where the store does not answer."""
        cards = GaugeMetricFamily("active_labeler_cards_open", "Images on offer and not answered.", labels=["run"])
        labels = GaugeMetricFamily("active_labeler_labels", "Answers in the log, corrections included.", labels=["run"])
        try:
            found = self._levels()
        except ActiveLabelerError as error:
            log.warning("no metrics of the label store: %s", error)
            found = []
        for level in found:
            cards.add_metric([level.run], level.open)
            labels.add_metric([level.run], level.events)
        return [cards, labels]
