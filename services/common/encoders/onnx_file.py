"""What is in an ONNX file, read as bytes before anything runs it: no other files, no foreign operators, no endless loops.

An ONNX file is a Protocol Buffers message. This walks over it by the numbers of its fields (onnx.proto of ONNX 1.x), sees every
tensor and every operator wherever they are nested, and takes no memory for what the file only claims.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from protos.errors import InvalidInputError
from services.common.encoders.spec import LIMIT_ONNX

_MOST_SIZES = 64  # of one tensor
_MOST_FIELDS = 500_000
_MOST_DEPTH = 12  # graphs within operators within graphs
_LONGEST_TEXT = 1_000_000
_OWN_DOMAINS = ("", "ai.onnx")
_ENDLESS = ("Loop", "Scan", "SequenceMap")
# message -> number of a field -> what it holds; all other fields are passed over.
_PARTS = {
    "model": {7: "graph", 14: "entry", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {4: "operator", 5: "attribute", 7: "domain"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "tensor": {1: "size", 13: "external", 14: "place"},
    "entry": {1: "key", 2: "value"},
}
_MESSAGES = ("graph", "node", "attribute", "tensor", "entry")


@dataclass
class OnnxFile:
    """What was seen in a file.

    Attributes:
        numbers: in its tensors.
        operators: how many.
        metadata: its entries of text.
    """

    numbers: int = 0
    operators: int = 0
    metadata: dict[str, str] = field(default_factory=dict)


def check_onnx(data: bytes) -> OnnxFile:
    """Looks through a file, and says what is in it.

    Raises:
        InvalidInputError: when it is no ONNX file, or has what is not run here: weights in other files, operators that are not
            ONNX's own, functions, loops.
    """
    if len(data) > LIMIT_ONNX:
        raise InvalidInputError(f"its {len(data)} bytes are more than the limit of {LIMIT_ONNX}")
    found = OnnxFile()
    waiting: list[tuple[str, memoryview, int]] = [("model", memoryview(data), 0)]
    seen = 0
    while waiting:
        kind, message, depth = waiting.pop()
        if depth > _MOST_DEPTH * 3:  # a graph is three messages below the one that it is in
            raise InvalidInputError(f"its graphs are nested more than {_MOST_DEPTH} deep")
        parts: list[tuple[str, int | memoryview]] = []
        for number, value in _fields(message):
            seen += 1
            if seen > _MOST_FIELDS:  # before they are kept
                raise InvalidInputError(f"it has more than {_MOST_FIELDS} parts; is it damaged?")
            if name := _PARTS[kind].get(number):
                parts.append((name, value))
        _look(kind, parts, found)
        waiting.extend((name, _message(value), depth + 1) for name, value in parts if name in _MESSAGES)
    if not found.operators:
        raise InvalidInputError("it is no ONNX file, or has no operators")
    if found.numbers > 2 * len(data):  # the smallest are half a byte
        raise InvalidInputError(
            f"its tensors claim {found.numbers} numbers, but it has {len(data)} bytes; is it damaged?"
        )
    return found


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise InvalidInputError("it is no ONNX file, or damaged: a number stands where a message should")
    return value


def _look(kind: str, parts: list[tuple[str, int | memoryview]], found: OnnxFile) -> None:
    for name, _ in parts:
        if name == "function":
            raise InvalidInputError("it has functions of its own, which are not run here; export it with them inlined")
        if name == "training":
            raise InvalidInputError("it has a training graph; export the model for inference")
        if name == "sparse":
            raise InvalidInputError("it has sparse tensors, which may claim any size; export it with dense ones")
    if kind == "node":
        found.operators += 1
        _check_operator(_text(parts, "operator"), _text(parts, "domain"))
    elif kind == "tensor":
        found.numbers += _numbers(parts)
    elif kind == "entry":
        found.metadata[_text(parts, "key")] = _text(parts, "value")


def _check_operator(operator: str, domain: str) -> None:
    if domain not in _OWN_DOMAINS:
        raise InvalidInputError(
            f"its operator {operator[:80]!r} is of {domain[:80]!r}; only ONNX's own operators are run: export it without others"
        )
    if operator in _ENDLESS:
        raise InvalidInputError(f"it has a {operator}, which may go on for ever; export it without loops")


def _numbers(parts: list[tuple[str, int | memoryview]]) -> int:
    sizes: list[int] = []
    for name, value in parts:
        if name == "external" or (name == "place" and value != 0):
            raise InvalidInputError(
                "it keeps weights in other files, and no other file is read; save it as one file"
                " (onnx.save(model, path, save_as_external_data=False))"
            )
        if name == "size":
            sizes.extend([value] if isinstance(value, int) else islice(_packed(value), _MOST_SIZES + 1))
            if len(sizes) > _MOST_SIZES:
                break
    if any(size >= 1 << 40 for size in sizes) or len(sizes) > _MOST_SIZES:  # of negative ones the highest bit is set
        raise InvalidInputError("it has a tensor of impossible size; is it damaged?")
    return math.prod(sizes)


def _text(parts: list[tuple[str, int | memoryview]], name: str) -> str:
    """The last value of a field of text, as Protocol Buffers take it; "" where there is none."""
    values = [value for other, value in parts if other == name]
    if not values:
        return ""
    if isinstance(values[-1], int) or len(values[-1]) > _LONGEST_TEXT:
        raise InvalidInputError("it is no ONNX file, or damaged: no text where text should be")
    return bytes(values[-1]).decode("utf-8", "replace")


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: a whole number as it is, others as their bytes."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == 2:
            length, place = _varint(message, place)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise InvalidInputError(f"it is no ONNX file, or damaged: a field is of kind {kind}")
        if tag >> 32 or not number or length > len(message) - place:
            raise InvalidInputError("it is no ONNX file, or truncated")
        yield number, message[place : place + length]
        place += length


def _packed(message: memoryview) -> Iterator[int]:
    place = 0
    while place < len(message):
        value, place = _varint(message, place)
        yield value


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            break
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (1 << 64) - 1, place
    raise InvalidInputError("it is no ONNX file, or truncated")
