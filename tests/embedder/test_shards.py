"""Blocks, through the server: computed once, bit-equal, and whatever is wrong with a file stays with that file."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from protos import embedder_pb2 as messages
from protos.common_pb2 import Artifact, Encoder
from protos.errors import DamagedError, InvalidInputError, NotFoundError
from services.common.catalog import list_images, write_catalog
from services.common.encoders.files import save_encoder
from services.common.encoders.networks import MiniCNN, build_network
from services.common.encoders.spec import EncoderSpec
from tests.support import reference_encoders as reference
from tests.support.embedder_place import Place, write_images


def publish_encoder(place: Place, network: nn.Module | None = None, size: int = 32) -> Encoder:
    """A miniCNN with 8 outputs as an encoder artifact."""
    if network is None:
        torch.manual_seed(1)
        network = build_network("minicnn8", 8)
    with place.store.writing(f"encoders/{os.urandom(6).hex()}.safetensors") as writing:
        save_encoder(writing.path, network, EncoderSpec("minicnn8", 8, size))
    return Encoder(artifact=writing.artifact, architecture="minicnn8", dim=8, image_size=size)


def _png_bomb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


def test_blocks_cover_the_catalog_and_cost_nothing_the_second_time(place: Place, tmp_path: Path) -> None:
    catalog = place.catalog(write_images(tmp_path / "images", 300))
    encoder = publish_encoder(place)
    first = place.embed(encoder, catalog, 0, 2)
    assert [(b.first_item, b.rows, b.quarantined) for b in first.blocks] == [(0, 256, 0), (256, 44, 0)]
    assert (first.run, first.computed, first.device) == ("r", 2, "cpu")
    assert first.seconds > 0
    again = place.embed(encoder, catalog, 0, 2)
    assert again.computed == 0 and list(again.blocks) == list(first.blocks)
    assert place.embed(encoder, catalog, 1, 1).blocks[0] == first.blocks[1]
    content = place.content(first.blocks[1])
    path = sorted((tmp_path / "images").iterdir())[256]
    assert content.sha256[0].tobytes() == hashlib.sha256(path.read_bytes()).digest()


def test_a_published_block_needs_neither_images_nor_encoder(place: Place, tmp_path: Path) -> None:
    catalog = place.catalog(write_images(tmp_path / "images", 5))
    encoder = publish_encoder(place)
    first = place.embed(encoder, catalog)
    place.store.remove(encoder.artifact.path)
    (tmp_path / "images").rename(tmp_path / "away")
    assert place.embed(encoder, catalog).blocks[0] == first.blocks[0]


def test_a_vector_depends_on_its_own_image_only(place: Place, tmp_path: Path) -> None:
    """Bit-equal: in a full block, in a short one, and beside unreadable files."""
    images = write_images(tmp_path / "images", 70)
    encoder = publish_encoder(place)
    whole = place.content(place.embed(encoder, place.catalog(images)).blocks[0])
    names = sorted(images.iterdir())
    for path in [*names[10:30], names[40]]:
        path.write_bytes(b"nothing")
    for path in names[50:]:
        path.unlink()
    part = place.content(place.embed(encoder, place.catalog(images)).blocks[0])
    good = [row for row in range(50) if row not in part.quarantined]
    assert sorted(part.quarantined) == [*range(10, 30), 40]
    assert np.array_equal(whole.vectors[good], part.vectors[good])
    assert not part.vectors[list(part.quarantined)].any()


def test_files_that_cannot_be_read_are_quarantined_with_the_reason(place: Place, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", 2)
    good = (images / "0001.png").read_bytes()
    bad: dict[str, tuple[bytes, str]] = {
        "a.jpg": (b"", "the file is empty"),
        "b.jpg": (b"hello world, no image", "no image of a known format"),
        "c.png": (good[: len(good) // 2], "damaged image"),
        "d.png": (_png_bomb(), "more than the limit"),
        "e.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image of a known format"),
    }
    for name, (data, _) in bad.items():
        (images / name).write_bytes(data)
    for name in ("f.png", "g.png", "h.png", "i.png"):
        (images / name).write_bytes(good)
    rows = {path: row for row, (path, *_) in enumerate(list_images(images))}
    catalog = place.catalog(images)
    (images / "f.png").unlink()
    (images / "g.png").write_bytes(good + b"more")
    os.utime(images / "h.png", (1, 1))
    (images / "i.png").unlink()
    os.mkfifo(images / "i.png")
    content = place.content(place.embed(publish_encoder(place), catalog).blocks[0])
    expected = {name: reason for name, (_, reason) in bad.items()} | {
        "f.png": "No such file",
        "g.png": f"{len(good) + 4} bytes, not {len(good)}",
        "h.png": "another modification time",
        "i.png": "no regular file",
    }
    assert sorted(content.quarantined) == sorted(rows[name] for name in expected)
    for name, reason in expected.items():
        assert reason in content.quarantined[rows[name]], name
        assert str(tmp_path) not in content.quarantined[rows[name]]
    assert content.sha256[rows["b.jpg"]].tobytes() == hashlib.sha256(bad["b.jpg"][0]).digest()
    assert not content.sha256[rows["f.png"]].any()


def test_a_path_that_leads_out_of_the_data_folder_is_not_followed(place: Place, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", 2)
    Image.new("RGB", (9, 9)).save(tmp_path / "secret.png")
    about = (tmp_path / "secret.png").stat()
    rows = [("../secret.png", about.st_size, about.st_mtime_ns)]
    rows.append((str(tmp_path / "secret.png"), about.st_size, about.st_mtime_ns))
    with place.store.writing("catalogs/x.sqlite") as writing:
        write_catalog(writing.path, images, rows)
    content = place.content(place.embed(publish_encoder(place), writing.artifact).blocks[0])
    assert set(content.quarantined.values()) == {"its path leads out of the data folder"}
    assert set(content.quarantined) == {0, 1}


def test_an_embedding_that_is_not_finite_is_quarantined(place: Place, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    Image.new("RGB", (16, 16), "white").save(images / "a.png")
    Image.new("RGB", (16, 16), "black").save(images / "b.png")
    network = MiniCNN(8)
    for parameter in network.parameters():
        parameter.data.zero_()
    for layer in (network.conv1, network.conv2, network.conv3, network.conv4, network.fc1):
        layer.weight.data.fill_(1e9)
    content = place.content(place.embed(publish_encoder(place, network), place.catalog(images)).blocks[0])
    assert content.quarantined == {0: "its embedding is not finite (NaN or infinity)"}
    assert not content.vectors.any()


def test_bf16_is_near_and_has_blocks_of_its_own(place: Place, tmp_path: Path) -> None:
    catalog = place.catalog(write_images(tmp_path / "images", 8))
    encoder = publish_encoder(place)
    exact = place.embed(encoder, catalog, precision="fp32")
    assert exact.blocks[0] == place.embed(encoder, catalog, precision="").blocks[0]
    rough = place.embed(encoder, catalog, precision="bf16")
    assert rough.computed == 1
    one, other = place.content(exact.blocks[0]).vectors, place.content(rough.blocks[0]).vectors
    cosine = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    assert np.all(cosine > 0.999) and not np.array_equal(one, other)


def test_concurrent_calls_give_the_same_blocks(place: Place, tmp_path: Path) -> None:
    catalog = place.catalog(write_images(tmp_path / "images", 520))
    encoder = publish_encoder(place)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: place.embed(encoder, catalog, n % 3, 1), range(6)))
    assert answers[0].blocks == answers[3].blocks and answers[2].blocks == answers[5].blocks
    fresh = publish_encoder(place)  # equal weights: the same encoder, and the same blocks
    assert place.embed(fresh, catalog, 0, 3).computed == 0
    for answer in answers[:3]:
        place.store.remove(answer.blocks[0].artifact.path)
    again = place.embed(encoder, catalog, 0, 3)
    assert again.computed == 3
    assert [b.artifact.sha256 for b in again.blocks] == [a.blocks[0].artifact.sha256 for a in answers[:3]]


@pytest.mark.parametrize(("first", "count"), [(0, 0), (0, 2), (1, 1), (2**40, 1)])
def test_blocks_that_the_catalog_has_not_are_refused(place: Place, tmp_path: Path, first: int, count: int) -> None:
    catalog = place.catalog(write_images(tmp_path / "images", 3))
    with pytest.raises(InvalidInputError, match="catalog of 3 images has blocks 0 to 0"):
        place.embed(publish_encoder(place), catalog, first, count)


def test_other_bad_requests_are_one_sentence(place: Place, tmp_path: Path) -> None:
    catalog = place.catalog(write_images(tmp_path / "images", 3))
    encoder = publish_encoder(place)
    with pytest.raises(InvalidInputError, match=r"precision 'fp64' is not known; it takes fp32, bf16 or fp16"):
        place.embed(encoder, catalog, precision="fp64")
    with pytest.raises(InvalidInputError, match=r"device 'tpu' is not known"):
        place.embed(encoder, catalog, device="tpu")
    with pytest.raises(InvalidInputError, match="is no catalog"):
        place.embed(encoder, encoder.artifact)
    with pytest.raises(DamagedError, match="is no encoder file"):
        place.embed(Encoder(artifact=catalog), catalog)
    with pytest.raises(InvalidInputError, match="is no name of an artifact"):
        place.embed(Encoder(), catalog)
    with pytest.raises(NotFoundError, match="is not in the store"):
        place.embed(Encoder(artifact=Artifact(path="encoders/none")), catalog)
    with pytest.raises(InvalidInputError, match=r"says dim 9, but .* has 8"):
        place.embed(Encoder(artifact=encoder.artifact, dim=9), catalog)


def test_an_absent_data_folder_is_no_folder_of_unreadable_images(place: Place, tmp_path: Path) -> None:
    catalog = place.catalog(write_images(tmp_path / "images", 3))
    (tmp_path / "images").rename(tmp_path / "away")
    with pytest.raises(NotFoundError, match="images is not on this machine; set ACTIVE_LABELER_DATA_ROOT"):
        place.embed(publish_encoder(place), catalog)


def test_pictures_are_embedded_as_the_catalog_is(place: Place, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", 3)
    encoder = publish_encoder(place)
    block = place.content(place.embed(encoder, place.catalog(images)).blocks[0])
    artifacts = [place.publish(path) for path in sorted(images.iterdir())]
    answer = place.stub.EmbedImages(messages.EmbedImagesRequest(run="r", encoder=encoder, images=artifacts))
    vectors = np.frombuffer(answer.vectors.data, "<f4").reshape(3, 8)
    np.testing.assert_allclose(vectors, block.vectors, rtol=1e-4, atol=1e-4)
    assert (answer.run, answer.vectors.rows, answer.vectors.dim) == ("r", 3, 8)
    none = place.stub.EmbedImages(messages.EmbedImagesRequest(encoder=encoder))
    assert (none.vectors.rows, none.vectors.dim) == (0, 8)


def test_a_reference_that_is_no_image_is_named_as_the_user_knows_it(place: Place, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no image at all")
    request = messages.EmbedImagesRequest(
        encoder=publish_encoder(place), images=[place.publish(tmp_path / "x")], file_names=["/home/me/plane.jpg"]
    )
    with pytest.raises(InvalidInputError, match=r"^/home/me/plane\.jpg cannot be used: no image.*another image$"):
        place.stub.EmbedImages(request)
    request.file_names.append("more.jpg")
    with pytest.raises(InvalidInputError, match="1 pictures came with 2 file names"):
        place.stub.EmbedImages(request)


def test_the_replica_says_what_it_computes_on(place: Place) -> None:
    answer = place.stub.Describe(messages.DescribeRequest())
    assert (answer.device, answer.threads) == ("cpu", 2)
    assert place.health() == {"device": "cpu", "worker": answer.worker}


@pytest.mark.slow
def test_photographs_of_all_kinds_equal_the_original(place: Place, tmp_path: Path, photos: Path) -> None:
    encoder = reference.build("minicnn24")
    reference.save(tmp_path / "x.pt", encoder.state_dict())
    found = place.import_file(tmp_path / "x.pt").encoder
    content = place.content(place.embed(found, place.catalog(photos)).blocks[0])
    for row, (path, *_) in enumerate(list_images(photos)):
        if row not in content.quarantined and Image.open(photos / path).mode in ("RGB", "L", "P", "CMYK", "RGBA"):
            theirs = reference.embed(encoder, photos / path, 64)
            assert np.linalg.norm(content.vectors[row] - theirs) < 1e-4 * np.linalg.norm(theirs), path
