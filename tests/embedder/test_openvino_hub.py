"""Models of the hub, computed by OpenVINO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protos import embedder_pb2 as messages
from tests.embedder.test_openvino import cosines
from tests.support.embedder_place import Place, write_images

pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("openvino", reason="openvino (the extra `openvino`) is not installed")
from tests.support import hub_models as hub


@pytest.mark.parametrize("family", hub.FAMILIES)
def test_vectors_are_those_of_pytorch(place: Place, tmp_path: Path, family: str) -> None:
    hub.save_model(tmp_path / "model", family)
    request = messages.ImportEncoderRequest(run="r", model=str(tmp_path / "model"))
    encoder = place.stub.ImportEncoder(request).encoder
    catalog = place.catalog(write_images(tmp_path / "images", 9))
    exact, ours = (
        place.content(place.embed(encoder, catalog, backend=backend).blocks[0]).vectors
        for backend in ("torch", "openvino")
    )
    assert cosines(exact, ours).min() >= 0.99999
    assert not np.array_equal(exact, ours), "PyTorch computed both"


def test_phrases_stay_with_pytorch(place: Place, tmp_path: Path) -> None:
    hub.save_model(tmp_path / "model", "clip")
    request = messages.ImportEncoderRequest(run="r", model=str(tmp_path / "model"))
    encoder = place.stub.ImportEncoder(request).encoder
    answers = [
        place.stub.EmbedText(
            messages.EmbedTextRequest(
                encoder=encoder, phrases=["a crater"], options=messages.EmbedOptions(backend=backend)
            )
        ).vectors.data
        for backend in ("torch", "openvino", "auto")
    ]
    assert answers[0] == answers[1] == answers[2]
