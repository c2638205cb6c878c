"""What TensorBoard shows of a pre-training."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import pytest

from services.common.artifacts import ArtifactStore
from tests.trainer.pretraining.test_work import SLICE_S, catalog_of, images, request

__all__ = ["images"]  # a fixture


def test_every_epoch_is_in_the_log_once_and_the_log_stays(trainer: Any, store: ArtifactStore, images: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard (the extra `tensorboard`) is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    asked = request(catalog_of(store, images), SLICE_S)
    while not (answer := trainer.Pretrain(asked)).done:  # in four calls, each with a logger of its own
        pass
    (folder,) = (store.root / "pretraining").rglob("tensorboard")
    log = EventAccumulator(str(folder), purge_orphaned_data=False).Reload()
    lines = list(csv.DictReader(store.open(answer.metrics).read_text().splitlines()))
    for name in ("loss", "neighbours"):
        # The files of calls within one second have no order of their own (TensorBoard goes by second and a counter as text).
        found = sorted((point.step, point.value) for point in log.Scalars(name))
        assert found == [(int(line["epoch"]), pytest.approx(float(line[name]), abs=1e-4)) for line in lines]


def test_without_tensorboard_the_table_is_kept(
    trainer: Any, store: ArtifactStore, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setattr("services.trainer.pretraining.training.find_spec", lambda name: None)
    answer = trainer.Pretrain(request(catalog_of(store, images), epochs=1))
    assert answer.done and len(store.open(answer.metrics).read_text().splitlines()) == 2
    assert list((store.root / "pretraining").rglob("tensorboard")) == []
