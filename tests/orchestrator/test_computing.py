"""How the encoder computes: what the settings say, what was chosen, and what calls of the embedder get."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from orchestrator.clients.embedder import _options
from orchestrator.clients.refs import ArtifactRef, EncoderRef
from orchestrator.encoder_settings import EncoderSettings
from orchestrator.model import Computing
from orchestrator.run import Run
from tests.support.bench import run_settings

ENCODER = EncoderRef(
    artifact=ArtifactRef(path="encoders/a", sha256="0" * 64, bytes=1), architecture="x", dim=2, image_size=8
)


def way(tmp_path: Path, chosen: Computing, **encoder: str) -> tuple[str, str]:
    """The precision and back end of a call in a run with such settings, in which ``chosen`` was."""
    settings = run_settings(tmp_path, encoder=encoder)
    run = Run(*(None,) * 7, computing=chosen)  # type: ignore[arg-type]
    run.settings = settings
    options = _options(run.embedding, ENCODER)
    return options.precision, options.backend


def test_what_was_chosen_stands_in_for_what_is_open(tmp_path: Path) -> None:
    fast, slow = Computing(precision="bf16", backend="openvino"), Computing()
    assert way(tmp_path, slow) == ("fp32", "torch")
    assert way(tmp_path, fast) == ("bf16", "auto"), "a worker without OpenVINO may go on with the run"
    assert way(tmp_path, fast, precision="fp32") == ("fp32", "auto")
    assert way(tmp_path, slow, backend="openvino", precision="bf16") == ("bf16", "openvino")
    assert way(tmp_path, fast, backend="torch") == ("bf16", "torch")


def test_journals_of_runs_that_began_earlier_are_read() -> None:
    adapter = TypeAdapter(Computing)
    assert adapter.validate_python("bf16") == Computing(precision="bf16", backend="torch")
    new = Computing(precision="bf16", backend="openvino")
    assert adapter.validate_python(adapter.dump_python(new, mode="json")) == new


@pytest.mark.parametrize(
    ("given", "open_"),
    [
        ({}, True),
        ({"precision": "bf16"}, True),
        ({"backend": "OpenVINO"}, True),
        ({"precision": "fp32", "backend": "torch"}, False),
        ({"builtin": "hog"}, False),
        ({"builtin": "hog", "path": "a.pt"}, True),
    ],
)
def test_the_embedder_is_asked_where_something_is_open(given: dict[str, str], open_: bool) -> None:
    assert EncoderSettings.model_validate(given).leaves_something_open == open_


@pytest.mark.parametrize(
    ("given", "own", "sent"),
    [
        ({}, "", ""),
        ({"decode": "scaled"}, "scaled", ""),
        ({"decode": "scaled"}, "", "scaled"),  # of a run that began before encoders said it
        ({"decode": "scaled"}, "exact", "scaled"),
        ({"decode": "exact"}, "exact", ""),
    ],
)
def test_the_encoder_says_how_files_are_decoded(tmp_path: Path, given: dict[str, str], own: str, sent: str) -> None:
    encoder = ENCODER.model_copy(update={"decode": own})
    assert _options(run_settings(tmp_path, encoder=given), encoder).decode == sent


@pytest.mark.parametrize(
    ("given", "decode", "upright", "settled"),
    [
        ({}, "", False, False),
        ({"decode": "exact"}, "", False, True),
        ({"decode": "exact"}, "", True, True),
        ({"decode": "Exact", "rotation": "EXIF"}, "exact", False, False),
        ({"decode": "scaled", "rotation": "stored"}, "scaled", False, True),
        ({"decode": "exact", "rotation": "stored"}, "scaled", False, False),
    ],
)
def test_an_encoder_is_asked_only_for_another_way(
    given: dict[str, str], decode: str, upright: bool, settled: bool
) -> None:
    assert EncoderSettings.model_validate(given).reads_as(decode, upright) == settled
    with pytest.raises(ValidationError, match="'auto', 'stored' or 'exif'"):
        EncoderSettings.model_validate({"rotation": "left"})


def test_a_back_end_that_cannot_be_is_refused_with_the_settings() -> None:
    with pytest.raises(ValidationError, match="the builtin hog is no network; set it to auto"):
        EncoderSettings.model_validate({"builtin": "hog", "backend": "openvino"})
    with pytest.raises(ValidationError, match="'auto', 'torch' or 'openvino'"):
        EncoderSettings.model_validate({"backend": "tensorrt"})
    EncoderSettings.model_validate({"builtin": "hog", "backend": "openvino", "path": "a.pt"})
