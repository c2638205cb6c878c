"""Nobody's results are overwritten but one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.outputs.ownership import DATASET, MARKER, MODEL, check_outputs_free, marker_text, put_model
from protos.errors import ConflictError

CHOICES = "move it away, or give another folder with --output; nothing was changed"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model").write_bytes(b"weights")
    return tmp_path / "model"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_an_absent_or_empty_folder_is_free(output: Path) -> None:
    check_outputs_free(output, "one")
    check_outputs_free(output / "nowhere", "one")
    (output / DATASET).mkdir()
    check_outputs_free(output, "one")


def test_a_dataset_of_the_same_run_is_free_and_another_is_not(output: Path) -> None:
    (output / DATASET).mkdir()
    (output / DATASET / MARKER).write_text(marker_text("one"))
    check_outputs_free(output, "one")
    with pytest.raises(ConflictError, match=rf"final_dataset is the result of another run \(one\): {CHOICES}"):
        check_outputs_free(output, "two")


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", "\0"])
def test_a_dataset_of_nobody_known_is_refused(output: Path, text: str | None) -> None:
    (output / DATASET / "positive").mkdir(parents=True)
    if text is not None:
        (output / DATASET / MARKER).write_text(text)
    with pytest.raises(ConflictError, match=f"not from a run of Active Labeler: {CHOICES}"):
        check_outputs_free(output, "one")


def test_a_file_or_a_link_in_its_place_is_refused(output: Path, tmp_path: Path) -> None:
    (output / DATASET).touch()
    with pytest.raises(ConflictError, match="final_dataset"):
        check_outputs_free(output, "one")
    (output / DATASET).unlink()
    for target in (tmp_path / "elsewhere", tmp_path / "nowhere"):
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        (output / DATASET).symlink_to(target)
        with pytest.raises(ConflictError, match="final_dataset"):
            check_outputs_free(output, "one")
        (output / DATASET).unlink()


def test_a_model_is_put_and_replaced_by_the_same_run_only(output: Path, model: Path) -> None:
    put_model(model, output, "one")
    assert (output / MODEL).read_bytes() == b"weights"
    model.write_bytes(b"better weights")
    put_model(model, output, "one")
    assert (output / MODEL).read_bytes() == b"better weights"
    check_outputs_free(output, "one")
    for call in (lambda: check_outputs_free(output, "two"), lambda: put_model(model, output, "two")):
        with pytest.raises(ConflictError, match=r"final_model\.ckpt is the result of another run \(one\)"):
            call()
    assert (output / MODEL).read_bytes() == b"better weights"


def test_a_model_of_somebody_else_is_kept(output: Path, model: Path) -> None:
    (output / MODEL).write_bytes(b"mine")
    with pytest.raises(ConflictError, match=CHOICES):
        put_model(model, output, "one")
    assert (output / MODEL).read_bytes() == b"mine"


def test_a_model_that_was_exchanged_since_is_kept(output: Path, model: Path) -> None:
    put_model(model, output, "one")
    (output / MODEL).write_bytes(b"mine")
    with pytest.raises(ConflictError, match="not from a run"):
        put_model(model, output, "one")


def test_a_kill_between_marker_and_model_leaves_the_old_one_known(
    output: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_model(model, output, "one")
    model.write_bytes(b"better weights")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            put_model(model, output, "one")
    assert (output / MODEL).read_bytes() == b"weights"
    put_model(model, output, "one")
    assert (output / MODEL).read_bytes() == b"better weights"
