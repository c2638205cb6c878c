"""Encoders that OpenVINO computes, through the server: the same vectors, under names of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from protos import embedder_pb2 as messages
from protos.common_pb2 import Encoder
from services.common.encoders.files import save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.embedder.openvino.network import OpenVinoNetwork
from tests.conftest import REPOSITORY
from tests.embedder.test_shards import publish_encoder
from tests.support.embedder_place import Place, write_images

pytest.importorskip("openvino", reason="openvino (the extra `openvino`) is not installed")


def publish(place: Place, architecture: str, dim: int, size: int) -> Encoder:
    torch.manual_seed(1)
    with place.store.writing(f"encoders/{os.urandom(6).hex()}.safetensors") as writing:
        save_encoder(writing.path, build_network(architecture, dim), EncoderSpec(architecture, dim, size))
    return Encoder(artifact=writing.artifact, architecture=architecture, dim=dim, image_size=size)


def cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    one, other = one.astype(np.float64), other.astype(np.float64)
    return (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


@pytest.mark.parametrize(("architecture", "dim", "size"), [("minicnn8", 8, 40), ("resnet18", 512, 64)])
def test_vectors_are_those_of_pytorch_in_blocks_of_their_own(
    place: Place, tmp_path: Path, architecture: str, dim: int, size: int
) -> None:
    catalog, encoder = place.catalog(write_images(tmp_path / "images", 40)), publish(place, architecture, dim, size)
    blocks = {
        (precision, backend): place.embed(encoder, catalog, precision=precision, backend=backend).blocks[0]
        for precision in ("fp32", "bf16")
        for backend in ("torch", "openvino")
    }
    assert len({block.artifact.path for block in blocks.values()}) == 4
    vectors = {way: place.content(block).vectors for way, block in blocks.items()}
    assert cosines(vectors["fp32", "torch"], vectors["fp32", "openvino"]).min() >= 0.999999
    assert cosines(vectors["fp32", "torch"], vectors["bf16", "openvino"]).min() >= 0.9999
    assert not np.array_equal(vectors["fp32", "torch"], vectors["fp32", "openvino"]), "PyTorch computed both"
    assert place.embed(encoder, catalog, precision="bf16", backend=" OpenVINO ").computed == 0


def test_a_vector_depends_on_its_own_image_only(place: Place, tmp_path: Path) -> None:
    """Bit-equal: in a full batch, in a short one, and beside unreadable files."""
    images = write_images(tmp_path / "images", 45)
    encoder = publish_encoder(place)
    whole = place.content(place.embed(encoder, place.catalog(images), backend="openvino").blocks[0])
    names = sorted(images.iterdir())
    names[3].write_bytes(b"nothing")
    for path in names[38:]:
        path.unlink()
    part = place.content(place.embed(encoder, place.catalog(images), backend="openvino").blocks[0])
    assert list(part.quarantined) == [3]
    good = [row for row in range(38) if row != 3]
    assert np.array_equal(whole.vectors[good], part.vectors[good])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_number_of_threads_changes_no_bit(precision: str) -> None:
    torch.manual_seed(2)
    network, spec = build_network("resnet18", 512).eval(), EncoderSpec("resnet18", 512, 64)
    batch = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), np.uint8)
    one, two = (OpenVinoNetwork(network, spec, threads).embed(batch, precision) for threads in (1, 2))
    assert np.array_equal(one, two)


def test_auto_goes_on_with_what_pytorch_has_made_and_takes_openvino_for_the_rest(place: Place, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", 260)
    catalog, encoder = place.catalog(images), publish_encoder(place)
    by_torch = place.embed(encoder, catalog, 0, 1).blocks[0]
    done = place.embed(encoder, catalog, 0, 2, backend="auto")
    assert done.computed == 1 and done.blocks[0] == by_torch
    assert place.embed(encoder, catalog, 1, 1, backend="openvino").blocks[0] == done.blocks[1]
    assert place.embed(encoder, catalog, 1, 1, backend="torch").blocks[0] != done.blocks[1]
    write_images(images / "more", 3)
    grown = place.catalog(images)
    assert place.embed(encoder, grown, 0, 2, backend="auto").computed > 0


def test_pictures_are_computed_as_the_data_are(place: Place, tmp_path: Path) -> None:
    images, encoder = write_images(tmp_path / "images", 3), publish_encoder(place)
    wanted = place.content(place.embed(encoder, place.catalog(images), backend="openvino").blocks[0]).vectors
    request = messages.EmbedImagesRequest(
        encoder=encoder,
        images=[place.publish(path) for path in sorted(images.iterdir())],
        options=messages.EmbedOptions(backend="openvino"),
    )
    vectors = np.frombuffer(place.stub.EmbedImages(request).vectors.data, "<f4").reshape(3, 8)
    assert cosines(vectors, wanted).min() >= 0.999999


def test_nobody_is_told_that_it_is_used(tmp_path: Path) -> None:
    """OpenVINO comes with a package that reports each import and conversion to a server."""
    program = """
import sys
sys.addaudithook(lambda event, _: sys.exit("a connection is made") if event == "socket.connect" else None)
import torch
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from services.embedder.openvino.network import OpenVinoNetwork
OpenVinoNetwork(build_network("minicnn8", 8).eval(), EncoderSpec("minicnn8", 8, 32), 1)
assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]
import openvino.tools.ovc.telemetry_utils as told
assert told.tm.__name__.endswith("telemetry_stub"), told.tm
"""
    env = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    env.pop("CI", None)
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
