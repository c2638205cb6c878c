"""Processes that open what comes from outside are told nothing that they need not know: no address of a database, no token."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from services.common.catalog import Row, list_images
from services.common.encoders.spec import EncoderSpec
from services.embedder.decoders import Decoders
from services.embedder.onnx.trying import tried
from services.labeler.pictures.process import WorkerProcess
from tests.support.onnx_models import encoder

SECRETS = {
    "ACTIVE_LABELER_DATABASE": "postgresql://labeler:hush@db/labels",
    "ACTIVE_LABELER_WEB_TOKEN": "hush-hush",
    "HF_TOKEN": "hf_hush",
    "AWS_SECRET_ACCESS_KEY": "hush",
    "PGPASSWORD": "hush",
}


def _decode(folder: Path) -> None:
    Image.new("RGB", (9, 9)).save(folder / "a.png")
    decoders = Decoders(1, 1)
    rows = [Row(item, *image) for item, image in enumerate(list_images(folder))]
    (done,) = decoders.ahead(folder, rows, EncoderSpec("minicnn8", 8, 32))
    decoders.close()
    assert done.pixels is not None


def _show(folder: Path) -> None:
    Image.new("RGB", (9, 9)).save(folder / "a.png")
    worker = WorkerProcess(60)
    assert worker.derive(folder / "a.png", folder / "shown") is None
    worker.close()


def _try(folder: Path) -> None:
    assert tried(encoder().SerializeToString(), 0).side == 32


@pytest.mark.parametrize("work", [_decode, _show, _try])
def test_a_process_that_opens_foreign_files_knows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[[Path], None]
) -> None:
    site, files, told = tmp_path / "site", tmp_path / "files", tmp_path / "told.json"
    site.mkdir()
    files.mkdir()
    (site / "sitecustomize.py").write_text(
        f"import json, os\nwith open({str(told)!r}, 'w') as file: json.dump(dict(os.environ), file)\n"
    )
    monkeypatch.syspath_prepend(site)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LC_MESSAGES", "C.UTF-8")
    work(files)
    environment = json.loads(told.read_text())
    assert not SECRETS.keys() & environment.keys()
    assert not [name for name, value in environment.items() if "hush" in value]
    assert environment["LC_MESSAGES"] == "C.UTF-8"  # how names of files are read
    assert environment["OMP_NUM_THREADS"] == "1"
