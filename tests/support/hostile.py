"""Requests that mean harm: random bytes, and messages of random content; their answers must say whose fault it is."""

from __future__ import annotations

import random
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

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


def ask(
    channel: grpc.Channel, method: MethodDescriptor, calls: int, known: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Asks ``calls`` times, half of them with random bytes; no answer may be a defect.

    Args:
        known: name of a text field -> values that mean something to the service.
    """
    chance = random.Random(f"{method.full_name}")
    kind = GetMessageClass(method.input_type)
    slow = 0
    for number in range(calls):
        data = (
            chance.randbytes(chance.choice([1, 3, 8, 40, 300]))
            if number % 2
            else filled(kind, chance, known or {}).SerializeToString()
        )
        code, words = answer(channel, method, data)
        assert code not in DEFECTS, f"{data.hex()}: {words}"
        slow += code is grpc.StatusCode.DEADLINE_EXCEEDED
        if slow > 5:
            break  # it waits, as it should; each such call costs seconds


def filled(kind: type[Message], chance: random.Random, known: Mapping[str, Sequence[str]], depth: int = 0) -> Message:
    """A message with about half of its fields set, to what might hurt, and to what gets further.

    Args:
        known: name of a text field -> values that mean something, for every other time.
    """
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        if field.name in known and chance.random() < 0.5:
            _put(message, field, chance.choice(known[field.name]), chance)
        elif chance.random() < 0.5:
            _fill(message, field, chance, known, depth)
    return message


def _fill(
    message: Message, field: FieldDescriptor, chance: random.Random, known: Mapping[str, Sequence[str]], depth: int
) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        of = field.message_type.fields_by_name["value"]
        if of.message_type is None:
            getattr(message, field.name)[chance.choice(TEXTS)] = _value(of, chance)
        return
    if field.message_type is not None:
        if depth < 3:
            part = filled(GetMessageClass(field.message_type), chance, known, depth + 1)
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


def answer(channel: grpc.Channel, method: MethodDescriptor, data: bytes) -> tuple[grpc.StatusCode, str]:
    """Status and words of the answer to a request of these bytes; of a stream, of its first message."""
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
