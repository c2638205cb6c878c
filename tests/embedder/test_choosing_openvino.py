"""When OpenVINO is chosen, and when it is not, through the server."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from protos import embedder_pb2 as messages
from protos.errors import ConflictError, InvalidInputError
from services.embedder import choosing
from services.embedder.openvino import library
from tests.embedder.test_choosing import choose, ill_conditioned, native
from tests.embedder.test_openvino import cosines
from tests.embedder.test_shards import publish_encoder
from tests.support.embedder_place import Place, write_images

pytest.importorskip("openvino", reason="openvino (the extra `openvino`) is not installed")
__all__ = ["native"]  # a fixture


@pytest.fixture
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few images are enough."""
    monkeypatch.setattr(choosing, "WORTH_IT", 10)


@pytest.mark.usefixtures("native", "worth_it")
def test_auto_takes_it_where_vectors_stay_what_they_are(place: Place, tmp_path: Path) -> None:
    catalog, encoder = place.catalog(write_images(tmp_path / "images", 40)), publish_encoder(place)
    chosen = choose(place, encoder, catalog, range(40), backend="auto")
    assert (chosen.precision, chosen.backend) == ("bf16", "openvino")
    exact, ours = (
        place.content(place.embed(encoder, catalog, precision=precision, backend=backend).blocks[0]).vectors
        for precision, backend in (("fp32", "torch"), ("bf16", "openvino"))
    )
    assert chosen.cosine == pytest.approx(float(cosines(exact, ours).min()), abs=1e-6)
    assert "on 40 images" in chosen.why
    settled = choose(place, encoder, catalog, range(40), backend="auto", precision="fp32")
    assert (settled.precision, settled.backend, settled.cosine > 0.99999) == ("fp32", "openvino", True)


@pytest.mark.usefixtures("native", "worth_it")
def test_pytorch_stays_where_nobody_asks_and_where_there_is_no_other(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, encoder = place.catalog(write_images(tmp_path / "images", 12)), publish_encoder(place)
    for backend in ("", "torch"):
        assert choose(place, encoder, catalog, range(12), backend=backend).backend == "torch"
    hog = place.stub.ImportEncoder(messages.ImportEncoderRequest(run="r", builtin="hog")).encoder
    assert choose(place, hog, catalog, range(12), backend="auto").backend == "torch"
    monkeypatch.setattr(library, "find_spec", lambda name: None)
    chosen = choose(place, encoder, catalog, range(12), backend="auto")
    assert (chosen.precision, chosen.backend) == ("bf16", "torch")


def test_a_few_images_are_not_worth_it(place: Place, tmp_path: Path) -> None:
    catalog, encoder = place.catalog(write_images(tmp_path / "images", 12)), publish_encoder(place)
    assert choose(place, encoder, catalog, range(12), backend="auto").backend == "torch"
    assert choose(place, encoder, catalog, range(12), backend="openvino").backend == "openvino"


@pytest.mark.usefixtures("native", "worth_it")
def test_bf16_is_given_up_first(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = write_images(tmp_path / "images", 20)
    encoder, catalog = publish_encoder(place, ill_conditioned(images)), place.catalog(images)
    for backend in ("auto", "openvino"):
        chosen = choose(place, encoder, catalog, range(20), backend=backend)
        assert (chosen.precision, chosen.backend) == ("fp32", "openvino"), chosen.why
    with pytest.raises(InvalidInputError, match=r"cosine to fp32 down to 0.* to torch, or encoder\.precision to fp32"):
        choose(place, encoder, catalog, range(20), backend="openvino", precision="bf16")
    kept = choose(place, encoder, catalog, range(20), backend="auto", precision="bf16")
    assert (kept.precision, kept.backend) == ("bf16", "torch")
    assert "as it was asked for; OpenVINO's cosine to fp32 down to 0." in kept.why
    monkeypatch.setattr(choosing, "FEWEST_COSINE", 1.1)
    with pytest.raises(InvalidInputError, match=r"set encoder\.backend to torch$"):
        choose(place, encoder, catalog, range(20), backend="openvino")


@pytest.mark.usefixtures("native", "worth_it")
def test_images_that_cannot_be_read_leave_it_to_who_was_asked_for(place: Place, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", 12)
    for path in images.iterdir():
        path.write_bytes(b"nothing")
    encoder, catalog = publish_encoder(place), place.catalog(images)
    for backend, taken in (("auto", "torch"), ("openvino", "openvino")):
        chosen = choose(place, encoder, catalog, range(12), backend=backend)
        assert (chosen.precision, chosen.backend, math.isnan(chosen.cosine)) == ("fp32", taken, True)


def test_what_cannot_be_is_refused_before_anything_is_computed(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = place.catalog(write_images(tmp_path / "images", 3))
    hog = place.stub.ImportEncoder(messages.ImportEncoderRequest(run="r", builtin="hog")).encoder
    with pytest.raises(InvalidInputError, match="hog is no network"):
        choose(place, hog, catalog, range(3), backend="openvino")
    with pytest.raises(InvalidInputError, match="precision 'fp8' is not known"):
        choose(place, hog, catalog, range(3), precision="fp8")
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(ConflictError, match=r"install active-labeler\[openvino\]"):
        choose(place, publish_encoder(place), catalog, range(3), backend="openvino")
    assert np.isnan(choose(place, hog, catalog, range(3), backend="auto").cosine)
