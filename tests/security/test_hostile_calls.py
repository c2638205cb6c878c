"""The five services as they run: random bytes, and messages of random content, on every RPC.

Whatever a request holds, its answer is a status that says whose fault it is, never INTERNAL or UNKNOWN, and the service goes on.
`make fuzz` asks a hundred thousand times; ``ACTIVE_LABELER_FUZZ_CALLS`` is the number for each RPC.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from orchestrator.clients import SERVICES
from orchestrator.launcher import Launcher
from orchestrator.settings import EndpointSettings
from protos import embedder_pb2, index_pb2, labeler_pb2, rpc, sampler_pb2, trainer_pb2

CALLS = int(os.environ.get("ACTIVE_LABELER_FUZZ_CALLS", "30"))
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
DEFECTS = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED)
PATIENCE_S = 2.0  # what waits or watches is left then
TEXTS = [
    "",
    "a",
    "../../etc/passwd",
    "/etc/passwd",
    "a\x00b",
    "é" * 300,
    "'; drop table runs; --",
    "../" * 40,
    "-1",
    "𝕏",
]
NUMBERS = {
    "int": [0, 1, -1, 2, 20, 2**31 - 1, -(2**31)],
    "long": [0, 1, 7, 2**32, 2**63 - 1],
    "float": [0.0, -1.0, 0.5, 1e30, float("nan"), float("inf"), float("-inf")],
}


@pytest.fixture(scope="module")
def channels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, grpc.Channel]]:
    """To the five services, as a run on one machine starts them."""
    place = tmp_path_factory.mktemp("hostile")
    environment = {"ACTIVE_LABELER_ARTIFACTS": str(place / "store"), "ACTIVE_LABELER_LABELS": str(place / "labels")}
    launcher = Launcher(place / "logs", {**environment, "ACTIVE_LABELER_WEB_PORT": "0"})
    try:
        endpoints = launcher.start(EndpointSettings())
        yield {name: grpc.insecure_channel(getattr(endpoints, name)) for name in SERVICES}
        assert launcher.why_gone() is None
    finally:
        launcher.stop()


def filled(kind: type[Message], chance: random.Random, depth: int = 0) -> Message:
    """A message with about half of its fields set, to what might hurt."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        if chance.random() < 0.5:
            _fill(message, field, chance, depth)
    return message


def _fill(message: Message, field: FieldDescriptor, chance: random.Random, depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        of = field.message_type.fields_by_name["value"]
        if of.message_type is None:
            getattr(message, field.name)[chance.choice(TEXTS)] = _value(of, chance)
        return
    if field.message_type is not None:
        if depth < 3:
            part = filled(GetMessageClass(field.message_type), chance, depth + 1)
            _put(message, field, part, chance)
        return
    _put(message, field, _value(field, chance), chance)


def _put(message: Message, field: FieldDescriptor, value: Any, chance: random.Random) -> None:
    if field.is_repeated:
        getattr(message, field.name).extend([value] * chance.choice([1, 2, 30]))
    elif isinstance(value, Message):
        getattr(message, field.name).CopyFrom(value)
    else:
        setattr(message, field.name, value)


def _value(field: FieldDescriptor, chance: random.Random) -> Any:
    kinds = {
        FieldDescriptor.CPPTYPE_STRING: lambda: chance.choice(TEXTS),
        FieldDescriptor.CPPTYPE_INT32: lambda: chance.choice(NUMBERS["int"]),
        FieldDescriptor.CPPTYPE_UINT32: lambda: abs(chance.choice(NUMBERS["int"])),
        FieldDescriptor.CPPTYPE_INT64: lambda: chance.choice(NUMBERS["long"]),
        FieldDescriptor.CPPTYPE_UINT64: lambda: chance.choice(NUMBERS["long"]),
        FieldDescriptor.CPPTYPE_FLOAT: lambda: _single(chance.choice(NUMBERS["float"])),
        FieldDescriptor.CPPTYPE_DOUBLE: lambda: chance.choice(NUMBERS["float"]),
        FieldDescriptor.CPPTYPE_BOOL: lambda: chance.random() < 0.5,
        FieldDescriptor.CPPTYPE_ENUM: lambda: chance.choice([0, 1, 2, 99]),
    }
    if field.type == FieldDescriptor.TYPE_BYTES:
        return chance.randbytes(chance.choice([0, 1, 32, 400]))
    return kinds[field.cpp_type]()


def _single(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def _answer(channel: grpc.Channel, method: MethodDescriptor, data: bytes) -> tuple[grpc.StatusCode, str]:
    path = f"/{method.containing_service.full_name}/{method.name}"
    try:
        if method.server_streaming:
            for _ in channel.unary_stream(path)(data, timeout=PATIENCE_S):
                break
        else:
            channel.unary_unary(path)(data, timeout=PATIENCE_S)
    except grpc.RpcError as error:
        return error.code(), str(error.details())
    return grpc.StatusCode.OK, ""


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("name", "method"), METHODS, ids=[f"{name}-{method.name}" for name, method in METHODS])
def test_no_request_is_a_defect(channels: dict[str, grpc.Channel], name: str, method: MethodDescriptor) -> None:
    chance = random.Random(f"{method.full_name}")
    kind = GetMessageClass(method.input_type)
    slow = 0
    for number in range(CALLS):
        data = (
            chance.randbytes(chance.choice([1, 3, 8, 40, 300]))
            if number % 2
            else filled(kind, chance).SerializeToString()
        )
        code, words = _answer(channels[name], method, data)
        assert code not in DEFECTS, f"{data.hex()}: {words}"
        slow += code is grpc.StatusCode.DEADLINE_EXCEEDED
        if slow > 5:
            break  # it waits, as it should; each such call costs seconds
    assert rpc.is_healthy(channels[name], timeout_s=10)
