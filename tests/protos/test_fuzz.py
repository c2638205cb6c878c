"""Bytes that are no request get INVALID_ARGUMENT on every RPC of every contract, and never end a server."""

from __future__ import annotations

import random
from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from protos import (
    control_pb2,
    control_pb2_grpc,
    embedder_pb2,
    embedder_pb2_grpc,
    index_pb2,
    index_pb2_grpc,
    labeler_pb2,
    labeler_pb2_grpc,
    rpc,
    sampler_pb2,
    sampler_pb2_grpc,
    trainer_pb2,
    trainer_pb2_grpc,
)

CALLS_PER_RPC = 80
CONTRACTS = [control_pb2, embedder_pb2, index_pb2, labeler_pb2, sampler_pb2, trainer_pb2]
METHODS = [
    method
    for contract in CONTRACTS
    for service in contract.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[grpc.Channel]:
    """To a server of all six contracts, none of them written: what parses is UNIMPLEMENTED."""
    services = [
        rpc.Registration(
            "Control", lambda s: control_pb2_grpc.add_ControlServicer_to_server(control_pb2_grpc.ControlServicer(), s)
        ),
        rpc.Registration(
            "Embedder",
            lambda s: embedder_pb2_grpc.add_EmbedderServicer_to_server(embedder_pb2_grpc.EmbedderServicer(), s),
        ),
        rpc.Registration(
            "Index", lambda s: index_pb2_grpc.add_IndexServicer_to_server(index_pb2_grpc.IndexServicer(), s)
        ),
        rpc.Registration(
            "Labeler", lambda s: labeler_pb2_grpc.add_LabelerServicer_to_server(labeler_pb2_grpc.LabelerServicer(), s)
        ),
        rpc.Registration(
            "Sampler", lambda s: sampler_pb2_grpc.add_SamplerServicer_to_server(sampler_pb2_grpc.SamplerServicer(), s)
        ),
        rpc.Registration(
            "Trainer", lambda s: trainer_pb2_grpc.add_TrainerServicer_to_server(trainer_pb2_grpc.TrainerServicer(), s)
        ),
    ]
    server = rpc.serve(services, f"unix:{tmp_path_factory.mktemp('fuzz')}/s.sock")
    with grpc.insecure_channel(server.address) as opened:
        yield opened
    server.stop(0)


def _status(channel: grpc.Channel, method: object, data: bytes) -> grpc.StatusCode:
    path = f"/{method.containing_service.full_name}/{method.name}"  # type: ignore[attr-defined]
    try:
        if method.server_streaming:  # type: ignore[attr-defined]
            list(channel.unary_stream(path)(data, timeout=10))
        else:
            channel.unary_unary(path)(data, timeout=10)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def _parses(method: object, data: bytes) -> bool:
    try:
        GetMessageClass(method.input_type).FromString(data)  # type: ignore[attr-defined]
    except DecodeError:
        return False
    return True


def test_every_contract_is_here() -> None:
    assert len(METHODS) >= 25
    assert len(METHODS) * CALLS_PER_RPC >= 2000


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name.removeprefix("activelabeler.v1."))
def test_random_bytes(channel: grpc.Channel, method: object) -> None:
    chance = random.Random(str(method.full_name))  # type: ignore[attr-defined]
    refused = 0
    for _ in range(CALLS_PER_RPC):
        data = chance.randbytes(chance.choice([1, 2, 3, 8, 40, 300]))
        expected = grpc.StatusCode.UNIMPLEMENTED if _parses(method, data) else grpc.StatusCode.INVALID_ARGUMENT
        assert _status(channel, method, data) is expected, data.hex()
        refused += expected is grpc.StatusCode.INVALID_ARGUMENT
    assert refused > CALLS_PER_RPC / 4
    assert _status(channel, method, b"") is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe", b"\x07"])
def test_bytes_that_never_parse(channel: grpc.Channel, data: bytes) -> None:
    """An open tag, an open length, a short string, text that is no UTF-8, a wire type that there is not."""
    select = sampler_pb2.DESCRIPTOR.services_by_name["Sampler"].methods_by_name["Select"]
    assert _status(channel, select, data) is grpc.StatusCode.INVALID_ARGUMENT
