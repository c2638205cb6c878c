"""Each call goes to the replica with the fewest; replicas come, go, die and come back, and cost no call."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from protos import rpc, sampler_pb2
from protos.errors import ClosedError, DeadlineError, InvalidInputError, UnavailableError
from protos.peers import Peers
from protos.spreading import Retries
from tests.support import echo, replica
from tests.support.embedder_process import address_list, free_ports

ROOT = Path(__file__).resolve().parents[2]


class Named:
    """A replica that answers with its name, and lets calls of the run "wait" wait until ``go`` is set."""

    def __init__(self, name: str, listen: str = "127.0.0.1:0") -> None:
        self.name, self.go, self.waiting = name, threading.Event(), threading.Semaphore(0)
        self.server = rpc.serve([echo.service(self._answer)], listen)

    def _answer(self, request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        if request.run == "wait":
            self.waiting.release()
            assert self.go.wait(30)
        return sampler_pb2.SelectResponse(run=self.name)

    def stop(self) -> None:
        self.go.set()
        self.server.stop(0)


def _until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def test_replicas_without_work_take_turns() -> None:
    servers = [Named(name) for name in "abc"]
    with rpc.connect_to_all("ipv4:" + ",".join(one.server.address for one in servers)).channel as channel:
        seen = [echo.select(channel).run for _ in range(9)]
    for one in servers:
        one.stop()
    assert Counter(seen) == {"a": 3, "b": 3, "c": 3}
    assert seen[:3] == seen[3:6] == seen[6:]


def test_one_that_is_busy_gets_nothing_while_others_are_free() -> None:
    """Round robin would send every second call to it, where it waits for ever."""
    servers = [Named("a"), Named("b")]
    with (
        rpc.connect_to_all("ipv4:" + ",".join(one.server.address for one in servers)).channel as channel,
        ThreadPoolExecutor(3) as pool,
    ):
        held = [pool.submit(echo.select, channel, "wait", 60)]
        _until(lambda: any(one.waiting.acquire(blocking=False) for one in servers))
        seen = {echo.select(channel, timeout=20).run for _ in range(20)}
        assert len(seen) == 1
        free = next(one for one in servers if one.name in seen)
        held += [pool.submit(echo.select, channel, "wait", 60) for _ in range(2)]  # one each now: first the free one
        assert free.waiting.acquire(timeout=20)
        assert any(one.waiting.acquire(timeout=20) for one in servers)
        for one in servers:
            one.go.set()
        assert sorted(call.result().run for call in held) in (["a", "a", "b"], ["a", "b", "b"])
    for one in servers:
        one.stop()


@pytest.mark.parametrize("size", [0, 2 << 20])
def test_a_replica_killed_mid_run_costs_no_call(size: int, tmp_path: Path) -> None:
    doomed, calm = replica.start("doomed"), replica.start("calm")
    target = f"ipv4:{replica.address_of(doomed)},{replica.address_of(calm)}"
    request = sampler_pb2.SelectRequest(run="sleep:0.05", strategy=str(tmp_path / "touched"))
    request.excluded.item.extend([0] * size)
    spread = rpc.connect_to_all(target)
    with spread.channel as channel, ThreadPoolExecutor(4) as pool:

        def call(number: int) -> str:
            if number == 15:
                doomed.kill()
            return echo.stub(channel).Select(request).run

        answers = Counter(pool.map(call, range(60)))
        assert spread.at_work() == 1
    calm.terminate()
    assert answers.total() == 60
    assert answers["doomed"] >= 1
    assert answers["calm"] > 30
    assert calm.wait(10) == 0
    doomed.wait(10)


def test_replicas_that_are_not_there_yet_cost_no_call_and_get_theirs_when_they_come() -> None:
    ports = free_ports(3)
    first = Named("first", f"127.0.0.1:{ports[0]}")
    spread = rpc.connect_to_all(address_list(ports))
    with spread.channel as channel:
        assert {echo.select(channel).run for _ in range(6)} == {"first"}
        assert spread.at_work() == 1
        second = Named("second", f"127.0.0.1:{ports[1]}")
        _until(lambda: spread.at_work() == 2)
        assert {echo.select(channel).run for _ in range(4)} == {"first", "second"}
        second.stop()
        assert {echo.select(channel).run for _ in range(4)} == {"first"}
        again = Named("again", f"127.0.0.1:{ports[1]}")
        _until(lambda: spread.at_work() == 2)
        assert {echo.select(channel).run for _ in range(4)} == {"first", "again"}
    first.stop()
    again.stop()


def test_a_call_is_tried_five_times_where_nobody_takes_it() -> None:
    calls: list[str] = []

    def refuse(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        calls.append(request.run)
        raise UnavailableError("too much to do")

    servers = [rpc.serve([echo.service(refuse)], "127.0.0.1:0") for _ in range(2)]
    with rpc.connect_to_all("ipv4:" + ",".join(one.address for one in servers)).channel as channel:
        with pytest.raises(UnavailableError, match="too much to do"):
            echo.select(channel)
        assert len(calls) == rpc.RETRIES.attempts == 5
    for one in servers:
        one.stop(0)


def test_a_call_that_has_not_the_time_for_a_pause_is_not_held_up_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its deadline would come in the pause, and hide what is wrong."""
    monkeypatch.setattr(rpc, "RETRIES", Retries(attempts=5, first_s=15, longest_s=15))
    at_work: list[int] = []  # when a pause began

    def wait(peers: Peers, seconds: float) -> None:
        at_work.append(peers.at_work())

    monkeypatch.setattr(Peers, "wait", wait)
    with rpc.connect_to_all(address_list(free_ports(2))).channel as channel, pytest.raises(UnavailableError):
        echo.select(channel, timeout=10)
    assert at_work == [1]  # the second is tried at once, and then there is no pause


def test_other_errors_are_not_tried_again_and_a_deadline_is_one_for_all_attempts() -> None:
    calls: list[str] = []
    over = threading.Event()

    def refuse(request: sampler_pb2.SelectRequest, context: grpc.ServicerContext) -> sampler_pb2.SelectResponse:
        calls.append(request.run)
        if request.run == "slow":
            over.wait(60)
        raise InvalidInputError("no such strategy")

    servers = [rpc.serve([echo.service(refuse)], "127.0.0.1:0") for _ in range(2)]
    with rpc.connect_to_all("ipv4:" + ",".join(one.address for one in servers)).channel as channel:
        with pytest.raises(InvalidInputError, match="no such strategy"):
            echo.select(channel)
        with pytest.raises(DeadlineError):
            echo.select(channel, "slow", timeout=3)
    over.set()
    for one in servers:
        one.stop(0)
    assert calls == ["r", "slow"]


def test_a_closed_channel_says_so_and_ends_what_is_in_flight() -> None:
    servers = [Named("a"), Named("b")]
    spread = rpc.connect_to_all("ipv4:" + ",".join(one.server.address for one in servers))
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(echo.select, spread.channel, "wait", 60)
        _until(lambda: any(one.waiting.acquire(blocking=False) for one in servers))
        spread.channel.close()
        with pytest.raises(UnavailableError):
            held.result(20)
    with pytest.raises(ClosedError):
        echo.select(spread.channel)
    assert spread.at_work() == 0
    for one in servers:
        one.stop()


def test_closing_ends_the_pause_between_attempts() -> None:
    spread = rpc.connect_to_all(address_list(free_ports(2)))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(echo.select, spread.channel)
        _until(lambda: spread.at_work() == 0)
        spread.channel.close()
        with pytest.raises(UnavailableError):
            waiting.result(20)


def test_a_name_without_addresses_is_told_in_the_words_of_grpc() -> None:
    with rpc.connect_to_all("nobody.invalid:50051").channel as channel, pytest.raises(UnavailableError, match="nobody"):
        echo.select(channel, timeout=10)


def test_a_single_address_needs_none_of_this(tmp_path: Path) -> None:
    server = Named("only", f"unix:{tmp_path}/s.sock")
    spread = rpc.connect_to_all(server.server.address)
    with spread.channel as channel:
        assert echo.select(channel).run == "only"
        assert spread.at_work() == 1
    server.stop()


def _may_have_its_own_hosts() -> bool:
    tried = subprocess.run(["unshare", "--map-root-user", "--mount", "true"], capture_output=True)
    return tried.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Linux' namespaces")
def test_one_name_with_several_addresses_that_come_and_go(tmp_path: Path) -> None:
    """The machine's own resolver, with a hosts file that only this test's process sees, and servers at 127.0.0.1 to .4."""
    if not _may_have_its_own_hosts():
        pytest.skip("this machine lets nobody have a hosts file of their own")
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    script = f"mount --bind {hosts} /etc/hosts && exec {sys.executable} -m tests.support.names {hosts}"
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split("\n")[:4] == ["1: a", "2: a b c", "3: a b c d", "4: b c d"]
