"""From a folder to an index: what is listed counts once, a stop is heard at once, and the index file is there early."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.clients.refs import EncoderRef
from orchestrator.embedding import embed, list_data
from orchestrator.run import Run, Stopped
from protos import rpc
from protos.errors import UnavailableError
from services.common.artifacts import ArtifactStore
from services.index.servicer import registration
from tests.support import bench
from tests.support.command import ACTIVE_LABELER, HOG, environment

ENCODER = EncoderRef.of(bench.ENCODER)


@pytest.fixture
def slow(tmp_path: Path) -> bench.Embedder:
    return bench.Embedder(ArtifactStore(tmp_path / "store"))


@pytest.fixture
def server(tmp_path: Path, slow: bench.Embedder) -> Iterator[rpc.Server]:
    page = bench.labeler(lambda: "http://nowhere")
    running = rpc.serve([bench.embedder(slow), registration(slow.store, 2), page], f"unix:{tmp_path}/s.sock")
    yield running
    slow.go.set()
    running.stop(0)


@pytest.fixture
def run(tmp_path: Path, server: rpc.Server) -> Iterator[Run]:
    bench.touch_images(tmp_path / "data", [f"{n:04d}.png" for n in range(600)])
    made = bench.run_on_bench(tmp_path, server.address)
    yield made
    made.clients.close()
    made.journal.close()


def test_what_was_published_is_what_counts(run: Run, tmp_path: Path) -> None:
    first = list_data(run)
    bench.touch_images(tmp_path / "data", ["later.png"])  # after a kill between the listing and its record
    assert list_data(run) == first
    assert first.images == 600


def test_the_index_lies_in_the_runtime_folder_when_embedding_is_done(run: Run, slow: bench.Embedder) -> None:
    slow.go.set()
    embedded = embed(run, list_data(run), ENCODER)
    file = run.folder.path / "annoy_file.ann"
    assert file.stat().st_size == embedded.generation.index.bytes
    assert embedded.generation.rows == 600
    assert not [left for left in run.folder.path.iterdir() if left.name.endswith(".new")]


def test_a_stop_does_not_wait_for_calls_in_flight(run: Run, slow: bench.Embedder) -> None:
    asked = threading.Event()
    run.stopping = asked.is_set
    catalogued = list_data(run)
    threading.Timer(0.5, asked.set).start()
    start = time.monotonic()
    with pytest.raises(Stopped):
        embed(run, catalogued, ENCODER)
    assert time.monotonic() - start < 15
    assert slow.entered.is_set()


def test_a_failing_call_does_not_wait_for_the_others(run: Run, slow: bench.Embedder) -> None:
    """The channel is closed under the calls in flight, as at the end of a session."""
    catalogued = list_data(run)
    threading.Timer(0.5, run.clients.close).start()
    start = time.monotonic()
    with pytest.raises(UnavailableError):
        embed(run, catalogued, ENCODER)
    assert time.monotonic() - start < 20  # and not the patience of 30 s


def test_ctrl_c_ends_the_process_while_an_encoder_is_slow(
    tmp_path: Path, server: rpc.Server, slow: bench.Embedder
) -> None:
    bench.touch_images(tmp_path / "data", ["ring.png", "bar.png"])
    endpoints = ",".join(f"{name}={server.address}" for name in bench.five("").model_dump())
    command = [*ACTIVE_LABELER, "run", *HOG, "--data", "data", "--simulate", "ring", "--auto", "--sample-size", "1"]
    names = {**environment(), "ACTIVE_LABELER_ARTIFACTS": str(slow.store.root)}
    process = subprocess.Popen(
        [*command, "--endpoints", endpoints], cwd=tmp_path, env=names, stderr=subprocess.PIPE, text=True
    )
    assert slow.entered.wait(60)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - start < 20
    assert process.returncode == 130, said
    assert "active-labeler resume" in said
    assert "Traceback" not in said
