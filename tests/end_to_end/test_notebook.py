"""The notebook of the docs in a real Jupyter kernel: people label, and another machine goes on from what was kept."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from active_labeler.keeping import keep, restore
from tests.conftest import REPOSITORY
from tests.support.pictures import draw_data_set, picture

pytestmark = pytest.mark.slow
NOTEBOOK = REPOSITORY / "docs" / "notebook.ipynb"
_LABEL = """
import time
import httpx
from tests.support.annotator import Annotator

end = time.monotonic() + 120
while not httpx.get(session.url + "api/runs").json()["runs"]:
    assert time.monotonic() < end, session.output()
    time.sleep(0.2)
ann = Annotator(session.url, "ann{turn}")
while len(ann.said) < 6:
    assert time.monotonic() < end, session.output()
    ann.answer() or time.sleep(0.2)
session.stop()
assert not session.is_running
"""


def _run(notebook: Any, folder: Path, parameters: str, turn: int) -> Any:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    from nbformat.v4 import new_code_cell

    cells = [cell for cell in notebook.cells if "parameters" not in cell.metadata.get("tags", [])]
    notebook.cells = [new_code_cell(parameters), *cells, new_code_cell(_LABEL.format(turn=turn))]
    client = nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(folder)}})
    return client.execute()


def _events(store: Path) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        return sorted(database.execute("SELECT item, answer FROM events").fetchall())


def test_the_notebook_labels_and_goes_on_from_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    draw_data_set(tmp_path / "data", positives=10, negatives=50)
    picture("ring", np.random.default_rng(9)).save(tmp_path / "reference.png")
    home = tmp_path / "drive"
    settings = {"encoder.builtin": "hog", "seed_set.count": 20, "seed_set.repeats": 0}
    parameters = (
        f"DATA = {str(tmp_path / 'data')!r}\nREFERENCE = {str(tmp_path / 'reference.png')!r}\nQUESTION = 'A ring?'\n"
        f"KEEP_IN = {str(home)!r}\nSETTINGS = {settings!r}"
    )
    first = _run(nbformat.read(NOTEBOOK, as_version=4), tmp_path, parameters, 1)
    shown = [output for cell in first.cells for output in cell.get("outputs", []) if "data" in output]
    assert any("<iframe" in output["data"].get("text/html", "").lower() for output in shown)
    before = _events(home / "labels" / "labels.sqlite")
    assert len(before) == 6
    shutil.rmtree(tmp_path / "active-labeler")  # the machine is gone
    _run(nbformat.read(NOTEBOOK, as_version=4), tmp_path, parameters, 2)
    after = _events(home / "labels" / "labels.sqlite")
    assert len(after) == 12
    assert set(before) <= set(after)
    assert len({item for item, _ in after}) == 12


def test_what_is_kept_is_whole_and_comes_back_only_where_nothing_is(tmp_path: Path) -> None:
    runtime, home = tmp_path / "runtime", tmp_path / "home"
    assert not keep(runtime, home)
    (runtime / "artifacts" / "heads").mkdir(parents=True)
    (runtime / "logs").mkdir()
    for name, text in {
        "run.json": "{}",
        "journal.jsonl": "1\n",
        "artifacts/heads/a": "head",
        "logs/x.log": "x",
    }.items():
        (runtime / name).write_text(text)
    assert keep(runtime, home)
    assert not keep(runtime, home)
    assert (home / "artifacts" / "heads" / "a").read_text() == "head"
    assert not (home / "logs").exists()
    (runtime / "journal.jsonl").write_text("1\n2\n")
    assert keep(runtime, home)
    assert (home / "journal.jsonl").read_text() == "1\n2\n"
    assert not restore(home, runtime)
    shutil.rmtree(runtime)
    assert restore(home, runtime)
    assert (runtime / "journal.jsonl").read_text() == "1\n2\n"
    assert not restore(tmp_path / "nothing", tmp_path / "other")


def test_a_start_that_cannot_be_is_told(tmp_path: Path) -> None:
    import active_labeler

    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist; give the folder"):
        active_labeler.start(tmp_path / "nowhere", folder=tmp_path / "a")
    (tmp_path / "empty").mkdir()
    session = active_labeler.start(tmp_path / "empty", folder=tmp_path / "a", settings={"encoder.builtin": "hog"})
    assert session.wait(120) == 2
    assert "there is no image in" in session.output()
    with pytest.raises(RuntimeError, match="there is no image in"):
        session.wait_for_page()
