"""The demo's configuration is the original's pair of files, and loads as such."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.__main__ import main, next_run
from demo.config import write_config
from orchestrator.config_file import load


def test_both_files_load_as_the_original_s(tmp_path: Path) -> None:
    pipeline = write_config(
        tmp_path / "run-1",
        data=tmp_path / "Dataset",
        checkpoint=tmp_path / "SIMCLR_digits.ckpt",
        reference=tmp_path / "0001_three.png",
        pos_class="three",
        simulate=True,
    )
    settings = load(pipeline)
    assert settings.data == tmp_path / "Dataset"
    assert settings.encoder.path == tmp_path / "SIMCLR_digits.ckpt"
    assert (settings.encoder.dim, settings.encoder.image_size) == (64, 32)
    assert (settings.seed_set.mode, settings.seed_set.reference) == ("neighbours", tmp_path / "0001_three.png")
    assert (settings.labeling.simulate, settings.labeling.pos_class) == (True, "three")
    assert (settings.head.kind, settings.head.epochs, settings.head.final_lr) == ("SSLEvaluatorOneLayer", 50, 1e-4)
    assert settings.metrics.enabled


def test_every_run_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    assert next_run(tmp_path).name == "run-1"
    (tmp_path / "run-1").mkdir()
    (tmp_path / "run-2").mkdir()
    assert next_run(tmp_path).name == "run-3"


def test_another_way_of_labeling_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL", "paper")
    with pytest.raises(SystemExit, match="LABEL is 'paper'; it takes web"):
        main()
