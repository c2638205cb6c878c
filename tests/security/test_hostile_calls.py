"""The five services as they run: random bytes, and messages of random content, on every RPC.

Whatever a request holds, its answer is a status that says whose fault it is, never INTERNAL or UNKNOWN, and the service goes on.
`make fuzz` asks a hundred thousand times; ``ACTIVE_LABELER_FUZZ_CALLS`` is the number for each RPC.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from orchestrator.clients import SERVICES
from orchestrator.launcher import Launcher
from orchestrator.settings import EndpointSettings
from protos import embedder_pb2, index_pb2, labeler_pb2, labeler_pb2_grpc, rpc, sampler_pb2, trainer_pb2
from services.common.artifacts import ArtifactStore
from tests.labeler.kit import paint, publish_folder
from tests.support.hostile import ask

CALLS = int(os.environ.get("ACTIVE_LABELER_FUZZ_CALLS", "30"))
RUN = "r"
CONTRACTS = {
    "embedder": embedder_pb2,
    "index": index_pb2,
    "trainer": trainer_pb2,
    "sampler": sampler_pb2,
    "labeler": labeler_pb2,
}
METHODS = [
    (name, method)
    for name, contract in CONTRACTS.items()
    for service in contract.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


@pytest.fixture(scope="module")
def channels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, grpc.Channel]]:
    """To the five services, as a run on one machine starts them."""
    place = tmp_path_factory.mktemp("hostile")
    environment = {"ACTIVE_LABELER_ARTIFACTS": str(place / "store"), "ACTIVE_LABELER_LABELS": str(place / "labels")}
    launcher = Launcher(place / "logs", {**environment, "ACTIVE_LABELER_WEB_PORT": "0"})
    try:
        endpoints = launcher.start(EndpointSettings())
        _open_run(place, endpoints.labeler)
        yield {name: grpc.insecure_channel(getattr(endpoints, name)) for name in SERVICES}
        assert launcher.why_gone() is None
    finally:
        launcher.stop()


def _open_run(place: Path, labeler: str | None) -> None:
    """A run with cards on offer: what names it gets further."""
    assert labeler is not None
    paint(place / "data", [f"{number}.png" for number in range(6)], (8, 8))
    catalog = publish_folder(ArtifactStore(place / "store"), place / "data")
    with rpc.connect(labeler) as channel:
        stub = labeler_pb2_grpc.LabelerStub(channel)
        stub.OpenRun(labeler_pb2.OpenRunRequest(run=RUN, catalog=catalog, name="Planes", batch_size=5))
        stub.Offer(labeler_pb2.OfferRequest(run=RUN, round=1, cards=[labeler_pb2.Card(item=item) for item in range(3)]))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("name", "method"), METHODS, ids=[f"{name}-{method.name}" for name, method in METHODS])
def test_no_request_is_a_defect(channels: dict[str, grpc.Channel], name: str, method: MethodDescriptor) -> None:
    ask(channels[name], method, CALLS, {"run": [RUN]})
    assert rpc.is_healthy(channels[name], timeout_s=10)
