"""A call that finds nobody is made again as long as others are answered; where nobody answers, the run ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from orchestrator import clients
from orchestrator.clients.caller import Caller
from orchestrator.clients.refs import EncoderRef
from orchestrator.crew import Crew
from orchestrator.embedding import list_data
from orchestrator.embedding_calls import in_flight
from orchestrator.run import Run
from protos import embedder_pb2, rpc
from protos.errors import UnavailableError
from services.common.artifacts import ArtifactStore
from tests.support import bench

ONE_CALL = 5  # attempts that gRPC makes of a call


class Flaky(bench.Embedder):
    """Fails so many attempts that begin with block 1."""

    def __init__(self, store: ArtifactStore, failures: int) -> None:
        super().__init__(store)
        self.failures = failures
        self.asked: list[tuple[int, int]] = []
        self.go.set()

    def EmbedShard(  # noqa: N802 - as in the contract
        self, request: Any, context: grpc.ServicerContext
    ) -> embedder_pb2.EmbedShardResponse:
        self.asked.append((request.first_block, request.blocks))
        if request.first_block == 1 and self.failures:
            self.failures -= 1
            raise UnavailableError("this replica was killed")
        return super().EmbedShard(request, context)


@contextmanager
def run_with(folder: Path, servicer: Flaky) -> Iterator[Run]:
    """A run without patience that speaks with ``servicer``."""
    server = rpc.serve([bench.embedder(servicer)], f"unix:{folder}/s.sock")
    bench.touch_images(folder / "data", [f"{n:04d}.png" for n in range(600)])
    made = bench.run_on_bench(folder, server.address)
    made.clients.close()
    connected = clients.connect(bench.five(server.address), Caller(0))
    try:
        yield replace(made, clients=connected)
    finally:
        connected.close()
        made.journal.close()
        server.stop(0)


def embedded(run: Run) -> list[int]:
    """The first items of all blocks that came, in their order."""
    calls = in_flight(run, list_data(run), EncoderRef.of(bench.ENCODER), Crew(run.in_flight))
    return sorted(block.first_item for found, _ in calls for block in found)


def test_blocks_of_a_broken_call_are_asked_for_again_while_others_answer(tmp_path: Path) -> None:
    servicer = Flaky(ArtifactStore(tmp_path / "store"), ONE_CALL + 1)
    with run_with(tmp_path, servicer) as run:
        assert embedded(run) == [0, 256, 512]
    assert servicer.failures == 0
    assert servicer.asked.count((1, 1)) == ONE_CALL + 2


def test_a_run_ends_when_nobody_has_answered_since_the_call_was_made(tmp_path: Path) -> None:
    with run_with(tmp_path, Flaky(ArtifactStore(tmp_path / "store"), 1000)) as run:
        with pytest.raises(UnavailableError, match="this replica was killed"):
            embedded(run)
