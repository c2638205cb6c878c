"""What an extra brings into the images: encoders that OpenVINO computes."""

from __future__ import annotations

import pytest

from tests.deployment.conftest import Stack

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1200)]

LOOP = ("--simulate", "three", "--auto", "--rounds", "1", "--sample-size", "10", "--seed-count", "10")
WHAT = ("--data", "/data/Unlabeled", "--reference", "/config/reference.png", "--encoder", "/config/SIMCLR_digits.ckpt")


def _run(stack: Stack, name: str, backend: str) -> str:
    """What a run of this name says to its end."""
    places = ("--runtime", f"/results/{name}/runtime", "--output", f"/results/{name}")
    wish = ("--set", f"encoder.backend={backend}", "--set", "encoder.image_size=32")
    done = stack.run("run", *WHAT, *places, *wish, *LOOP)
    return done.stdout + done.stderr


def test_the_embedder_computes_by_openvino(stack: Stack) -> None:
    if not stack.has_extra("openvino"):
        pytest.skip("the images have not the extra openvino: make test-compose EXTRAS=openvino")
    said = _run(stack, "by-openvino", "openvino")
    assert " by OpenVINO: " in said
    assert "Embedded 300 images" in said
    assert (stack.folder / "results" / "by-openvino" / "final_model.ckpt").is_file()
    reports = stack.compose("exec", "-T", "embedder", "python", "-c", "import openvino_telemetry")
    assert "ModuleNotFoundError" in reports.stderr, "what reports its use to its makers is not in the image"


def test_an_embedder_without_openvino_says_what_it_lacks(stack: Stack) -> None:
    if stack.has_extra("openvino"):
        pytest.skip("these images have it")
    said = _run(stack, "without-openvino", "openvino")
    assert "encoder.backend is openvino, but that package is not there" in said
    assert "active-labeler[openvino]" in said
