"""A name with addresses of IPv4 and of IPv6: a worker that is reached by both is one replica, and gets the calls of one."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import grpc
import pytest

from protos import rpc, sampler_pb2
from tests.labeler.kit import wait_for
from tests.support import echo
from tests.support.embedder_process import free_ports


def _speaks_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not _speaks_ipv6(), reason="this machine has no IPv6")


class Replicas:
    """Workers of this process, and a name whose addresses are theirs."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.servers: list[rpc.Server] = []

    def add(self, worker: str, *hosts: str) -> rpc.Server:
        """A worker that listens at a host, or at all; it is reached at each of the hosts."""
        listen = {("127.0.0.1",): "127.0.0.1:0", ("[::1]",): "[::1]:0"}.get(hosts, "[::]:0")

        def answer(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
            return sampler_pb2.SelectResponse(run=worker)

        server = rpc.serve([replace(echo.service(answer), details=lambda: {"worker": worker})], listen)
        port = server.address.rpartition(":")[2]
        self.addresses += [f"ipv{6 if host.startswith('[') else 4}:{host}:{port}" for host in hosts]
        self.addresses.sort()
        self.servers.append(server)
        return server


@pytest.fixture
def replicas(monkeypatch: pytest.MonkeyPatch) -> Iterator[Replicas]:
    made = Replicas()
    monkeypatch.setattr(rpc, "look_up", lambda target: list(made.addresses))  # in the place of a resolver
    yield made
    for server in made.servers:
        server.stop(0)


@pytest.fixture
def spread(replicas: Replicas) -> Iterator[rpc.Spread]:
    made = rpc.connect_to_all("workers.test:50051")
    with made.channel:
        yield made


def _answers(spread: rpc.Spread, calls: int) -> Counter[str]:
    return Counter(echo.select(spread.channel).run for _ in range(calls))


def test_a_worker_that_is_reached_by_both_counts_once(replicas: Replicas, spread: rpc.Spread) -> None:
    replicas.add("both", "127.0.0.1", "[::1]")
    assert _answers(spread, 1) == {"both": 1}
    wait_for(lambda: spread.at_work() == 1)
    replicas.add("other", "127.0.0.1")
    replicas.add("third", "127.0.0.1", "[::1]")
    wait_for(lambda: spread.at_work() == 3)
    assert _answers(spread, 12) == {"both": 4, "other": 4, "third": 4}


def test_one_address_that_goes_leaves_the_other(replicas: Replicas, spread: rpc.Spread) -> None:
    """Two servers of one name: to a client they are one worker with two addresses."""
    first = replicas.add("same", "127.0.0.1")
    replicas.add("same", "[::1]")
    _answers(spread, 1)
    wait_for(lambda: spread.at_work() == 1)
    first.stop(0)
    assert _answers(spread, 6) == {"same": 6}
    assert spread.at_work() == 1


def test_workers_without_a_name_are_what_their_addresses_are(replicas: Replicas, spread: rpc.Spread) -> None:
    replicas.add("", "127.0.0.1")
    replicas.add("", "[::1]")
    assert _answers(spread, 4) == {"": 4}
    assert spread.at_work() == 2


def test_an_address_at_which_nobody_listens_is_no_replica(replicas: Replicas, spread: rpc.Spread) -> None:
    replicas.add("only", "127.0.0.1")
    replicas.addresses.append(f"ipv6:[::1]:{free_ports(1)[0]}")
    assert _answers(spread, 6) == {"only": 6}
    assert spread.at_work() == 1
