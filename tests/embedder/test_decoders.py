"""Processes decode what threads decode, to the last bit and the last reason, and one that dies takes nothing with it."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from protos import embedder_pb2_grpc as services
from protos import rpc
from services.common.artifacts import ArtifactStore
from services.common.catalog import Row, list_images
from services.common.encoders.spec import EncoderSpec
from services.embedder.decode_process import DecodeProcess
from services.embedder.decoders import Decoders
from services.embedder.decoding import Decoded
from services.embedder.servicer import registration
from services.embedder.settings import EmbedderSettings
from tests.embedder.test_shards import publish_encoder
from tests.support.embedder_place import Place, write_images

SPEC = EncoderSpec("minicnn8", 8, 32)


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    made = Decoders(1, 2)
    yield made
    made.close()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[DecodeProcess]:
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    made = DecodeProcess(lock)
    yield made
    made.close()
    os.close(lock)


def rows_of(root: Path) -> list[Row]:
    return [Row(item, *image) for item, image in enumerate(list_images(root))]


def odd(folder: Path) -> Path:
    """Whatever can be wrong with a file, beside what is not."""
    write_images(folder, 60)
    (folder / "cut.jpg").write_bytes((folder / "0003.jpg").read_bytes()[:300])
    (folder / "empty.png").touch()
    (folder / "text.gif").write_text("no image")
    (folder / "\udcff.png").write_bytes((folder / "0001.png").read_bytes())  # a name that is no UTF-8
    Image.fromarray(np.full((9, 9), 60000, np.uint16)).save(folder / "deep.png")
    Image.new("RGB", (6000, 4500)).save(folder / "large.png")
    (folder / "gone.png").symlink_to(folder / "0001.png")
    return folder


def same(one: list[Decoded], other: list[Decoded]) -> bool:
    assert [(d.sha256, d.reason) for d in one] == [(d.sha256, d.reason) for d in other]
    assert [d.pixels is None for d in one] == [d.pixels is None for d in other]
    return all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one, other, strict=True) if a.pixels is not None)


@pytest.mark.parametrize("decode", ["exact", "scaled"])
def test_processes_give_what_threads_give(decoders: Decoders, tmp_path: Path, decode: str) -> None:
    as_said = replace(SPEC, decode=decode)
    root = odd(tmp_path / "images")
    rows = rows_of(root)
    (root / "gone.png").unlink()
    rows[5] = replace(rows[5], size=rows[5].size + 1)
    rows[6] = replace(rows[6], path="../images/0006.jpg")
    threads = Decoders(2)
    expected = list(threads.ahead(root, rows, as_said))
    threads.close()
    assert len({done.reason for done in expected}) > 6
    for spec in (as_said, replace(as_said, image_size=200)):  # the shared memory grows
        done = list(decoders.ahead(root, rows, spec))
        assert [(d.sha256, d.reason) for d in done] == [(d.sha256, d.reason) for d in expected]
        assert {d.pixels.shape for d in done if d.pixels is not None} == {(spec.image_size, spec.image_size, 3)}
    assert same(list(decoders.ahead(root, rows, as_said)), expected)


def test_blocks_are_the_same_through_the_server(place: Place, tmp_path: Path) -> None:
    root = odd(tmp_path / "images")
    catalog, encoder = place.catalog(root), publish_encoder(place)
    by_threads = place.embed(encoder, catalog)
    other = ArtifactStore(tmp_path / "other")
    settings = EmbedderSettings(artifacts=other.root, compute_threads=1, decode_processes=2, device="cpu")
    server = rpc.serve([registration(other, settings)], f"unix:{tmp_path}/o.sock")
    with rpc.connect(server.address, timeout_s=120) as channel:
        there = Place(other, services.EmbedderStub(channel))
        shutil.copytree(place.store.root / "encoders", other.root / "encoders")
        by_processes = there.embed(encoder, there.catalog(root))
    server.stop(0)
    assert by_processes.blocks[0].quarantined == 3
    assert [block.artifact for block in by_processes.blocks] == [block.artifact for block in by_threads.blocks]


@pytest.mark.parametrize("pause_s", [0.0, 0.01, 0.2, 1.0])
def test_a_process_that_is_closed_while_it_starts_or_works_ends(
    process: DecodeProcess, tmp_path: Path, pause_s: float
) -> None:
    root, ended = write_images(tmp_path / "images", 20), Future[None]()

    def work() -> None:
        try:
            while True:
                process.decode(root, rows_of(root), SPEC)
        except Exception as error:
            ended.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    time.sleep(pause_s)  # whatever it is at by then
    process.close()
    with pytest.raises(RuntimeError, match="this process is closed"):
        ended.result(60)


def test_closing_ends_the_processes_whatever_they_are_at(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", 40)
    made = Decoders(1, 2)
    files = made.ahead(root, rows_of(root), SPEC)
    next(files)
    assert made._processes is not None
    children = [one._process for one in made._processes._all if one._process is not None]
    assert children and all(child.poll() is None for child in children)
    made.close()
    files.close()
    end = time.monotonic() + 20
    while any(child.poll() is None for child in children):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_threads_decode_for_a_processor_and_processes_for_a_gpu(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", 4)
    made = Decoders(1, None)
    list(made.ahead(root, rows_of(root), SPEC))
    assert made._processes is None
    assert len(list(made.ahead(root, rows_of(root), SPEC, for_gpu=True))) == 4
    assert made._processes is not None
    made.close()
    never = Decoders(1, 0)
    list(never.ahead(root, rows_of(root), SPEC, for_gpu=True))
    assert never._processes is None
    never.close()


def test_windows_of_a_scene_are_decoded_by_threads_which_share_it(decoders: Decoders, tmp_path: Path) -> None:
    Image.effect_noise((400, 300), 60).convert("RGB").save(tmp_path / "scene.png")
    status = (tmp_path / "scene.png").stat()
    names = [f"scene.png#{x},0,100,100" for x in range(0, 300, 10)]
    rows = [Row(item, name, status.st_size, status.st_mtime_ns) for item, name in enumerate(names)]
    done = list(decoders.ahead(tmp_path, rows, SPEC))
    assert len(done) == 30 and all(one.pixels is not None for one in done)
    assert decoders._processes is not None and not any(one._process for one in decoders._processes._all)


def test_images_too_large_for_a_chunk_go_one_by_one(decoders: Decoders, tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", 5)
    done = list(decoders.ahead(root, rows_of(root), replace(SPEC, image_size=4000)))
    assert [one.pixels is not None and one.pixels.shape == (4000, 4000, 3) for one in done] == [True] * 5
