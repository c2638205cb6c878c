"""Floods: more than a labeler can take, on both of its sides; others are served all the same, or told that they are not."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from orchestrator.certificates import write_certificates
from protos import control_pb2, control_pb2_grpc, labeler_pb2, labeler_pb2_grpc, lanes, rpc
from services.common.artifacts import ArtifactStore
from services.labeler.web.connections import allow_files
from services.labeler.web.server import MOST_CONNECTIONS
from tests.labeler.kit import Service, paint, publish_folder
from tests.labeler.web.kit import sync
from tests.support import control as kit

RUN = "r"
CALLS, CHANNELS = 3000, 10
STREAMS = 3 * lanes.MOST_STREAMS
CONNECTIONS = MOST_CONNECTIONS + 200
ANY_SIZE = (("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1))
# We say UNAVAILABLE; where a thousand calls wait to be looked at, gRPC cancels some by lot. Clients here try both again.
TURNED_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
WATCH = labeler_pb2.GetQueueRequest(run=RUN, round=1)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("floods")
    paint(folder / "data", ["a.png", "b.png"], (8, 8))
    made = Service(folder / "labeler")
    made.open_run(publish_folder(ArtifactStore(made.folder / "artifacts"), folder / "data"), run=RUN)
    made.offer([0, 1], run=RUN)
    yield made
    assert made.process.poll() is None
    made.stop()


@pytest.fixture
def channel(service: Service) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(service.address, options=ANY_SIZE) as opened:
        yield opened


def _serves(service: Service) -> None:
    """A probe, a call and a page, as their people ask for them."""
    with rpc.connect(service.address, timeout_s=20) as other:
        assert rpc.is_healthy(other, timeout_s=10)
        assert labeler_pb2_grpc.LabelerStub(other).GetQueue(WATCH).open == 2
    with httpx.Client(base_url=service.url, timeout=20) as web:
        assert sync(web, RUN)["run"] == RUN


@pytest.mark.parametrize("size", [rpc.MAX_MESSAGE_BYTES + 1, 4 * rpc.MAX_MESSAGE_BYTES])
def test_messages_over_the_limit_are_refused_by_the_server(service: Service, channel: grpc.Channel, size: int) -> None:
    for _ in range(5):
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary("/activelabeler.v1.Labeler/OpenRun")(b"\x0a" + bytes(size), timeout=30)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    _serves(service)


@pytest.mark.slow
def test_thousands_of_calls_at_once(service: Service) -> None:
    channels = [grpc.insecure_channel(service.address, options=ANY_SIZE) for _ in range(CHANNELS)]
    stubs = [labeler_pb2_grpc.LabelerStub(channel) for channel in channels]
    calls = [stubs[number % CHANNELS].GetQueue.future(WATCH, timeout=120) for number in range(CALLS)]
    with grpc.insecure_channel(service.address) as other:
        assert rpc.is_healthy(other, timeout_s=10)
    ended: Counter[grpc.StatusCode] = Counter(call.code() for call in calls)
    assert set(ended) <= {grpc.StatusCode.OK, *TURNED_AWAY}
    assert ended[grpc.StatusCode.OK] >= lanes.MOST_WAITING
    _serves(service)
    for channel in channels:
        channel.close()


@pytest.mark.slow
def test_streams_that_stay_open(service: Service, channel: grpc.Channel) -> None:
    stub = labeler_pb2_grpc.LabelerStub(channel)
    streams = [stub.WatchQueue(WATCH) for _ in range(STREAMS)]
    open_ones = sum(_has_begun(stream) for stream in streams)
    assert open_ones == lanes.MOST_STREAMS
    _serves(service)
    for stream in streams:
        stream.cancel()
    for _ in range(100):  # those that have ended count no longer once their threads have noticed
        again = stub.WatchQueue(WATCH)
        if _has_begun(again):
            again.cancel()
            return
        threading.Event().wait(0.1)
    pytest.fail("streams that have ended still count")


def _has_begun(stream: Any) -> bool:
    try:
        return bool(next(stream).run == RUN)
    except grpc.RpcError as error:
        assert error.code() in TURNED_AWAY, error
        return False


def test_a_run_is_watched_on_where_others_watch_too_many(tmp_path: Any) -> None:
    control = kit.Control(control_pb2.RunEvent(run=RUN, text="hello"))
    server = rpc.serve([kit.registration(control)], f"unix:{tmp_path}/c.sock")
    with grpc.insecure_channel(server.address) as channel:
        stub = control_pb2_grpc.ControlStub(channel)
        streams = [stub.WatchRun(control_pb2.WatchRunRequest(run=RUN)) for _ in range(STREAMS)]
        assert sum(_has_begun(stream) for stream in streams) == lanes.MOST_STREAMS
        assert stub.GetRun(control_pb2.GetRunRequest(run=RUN), timeout=20).state == "running"
        assert rpc.is_healthy(channel, timeout_s=10)
    server.stop(0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST /api/runs/r/sync HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{",
    ],
    ids=["nothing", "half a head", "half a body"],
)
def test_connections_that_are_held_half_open(service: Service, said: bytes) -> None:
    allow_files()  # here, too
    held = []
    for number in range(CONNECTIONS):
        held.append(socket.create_connection(("127.0.0.1", service.port), timeout=20))
        held[-1].sendall(said)
        if number % 500 == 0:
            _serves(service)
    _serves(service)
    for opened in held:
        opened.close()


@pytest.mark.slow
def test_handshakes_that_are_never_ended(tmp_path: Path) -> None:
    allow_files()
    write_certificates(tmp_path / "tls")
    own = {name: str(tmp_path / "tls" / "labeler" / f"{name}.pem") for name in ("certificate", "key", "authority")}
    secure = Service(
        tmp_path / "secure",
        ACTIVE_LABELER_WEB_TLS_CERTIFICATE=own["certificate"],
        ACTIVE_LABELER_WEB_TLS_KEY=own["key"],
    )
    trust = ssl.create_default_context(cafile=own["authority"])
    held = []
    for number in range(CONNECTIONS):
        held.append(socket.create_connection(("127.0.0.1", secure.port), timeout=20))
        held[-1].sendall(b"\x16\x03\x01")
        if number % 500 == 0 or number + 1 == CONNECTIONS:
            with httpx.Client(base_url=f"https://localhost:{secure.port}", verify=trust, timeout=20) as web:
                assert web.get("/").status_code == 200
    for opened in held:
        opened.close()
    secure.stop()


def test_bodies_that_are_too_large(service: Service) -> None:
    with httpx.Client(base_url=service.url, timeout=20) as web:
        for _ in range(50):
            answer = web.post("api/runs/r/sync", json={"client": "a" * 12, "annotator": "x" * 200_000})
            assert answer.status_code == 413
            assert "65536 bytes" in answer.json()["error"]
    _serves(service)
