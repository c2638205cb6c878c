"""What `active-labeler services` tells of replicas behind one address."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.service_health import replicas, tell_health
from orchestrator.service_settings import OrchestratorSettings
from orchestrator.settings import EndpointSettings
from protos import rpc
from protos.embedder_pb2 import DescribeRequest
from protos.embedder_pb2_grpc import EmbedderStub
from protos.errors import UnavailableError
from tests.support.embedder_process import address_list, free_ports, start, stop, wait_ready


@pytest.mark.slow
def test_each_replica_says_its_name_and_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ports = free_ports(2)
    workers = [start(port, tmp_path / "store") for port in ports]
    try:
        for worker in workers:
            wait_ready(worker)
        told = replicas(address_list(ports), None)
        assert len({one["worker"] for one in told}) == 2
        assert [one["device"] for one in told] == ["cpu", "cpu"]
        with rpc.connect(address_list(ports)) as channel:
            assert len(rpc.replicas(channel)) == 2
            stub = EmbedderStub(channel)  # the channel knows both now: they are asked in turn from the first call on
            assert len({stub.Describe(DescribeRequest()).worker for _ in range(2)}) == 2
        endpoints = EndpointSettings(embedder=address_list(ports))
        with pytest.raises(UnavailableError, match="not healthy: index, trainer, sampler, labeler"):
            tell_health(OrchestratorSettings(endpoints=endpoints))
    finally:
        stop(workers)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"embedder  {address_list(ports)} healthy"
    assert sorted(line.split() for line in lines[1:3]) == sorted([one["worker"], "cpu"] for one in told)
    assert lines[3].split(maxsplit=2)[2] == "no address: set ACTIVE_LABELER_ENDPOINTS__INDEX"


def test_replicas_without_a_name_count_as_one_and_nobody_as_none(tmp_path: Path) -> None:
    server = rpc.serve([], f"unix:{tmp_path}/s.sock")
    try:
        assert replicas(server.address, None) == [{}]
    finally:
        server.stop(0)
    assert replicas(server.address, None) == []
