"""The golden contracts: what peers of earlier versions say and expect. ``python -m protos.golden`` records today's.

Additions are welcome. What is there already keeps its name, number, type and place, because a peer that was built earlier
still says it so; records in JSON go by the names, too.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "protos" / "golden.binpb"


def contracts() -> FileDescriptorSet:
    """The contracts as the compiled stubs have them."""
    found = FileDescriptorSet()
    for path in sorted(Path(__file__).parent.glob("*.proto")):
        importlib.import_module(f"protos.{path.stem}_pb2").DESCRIPTOR.CopyToProto(found.file.add())
    return found


def breaks(old: FileDescriptorSet, new: FileDescriptorSet) -> list[str]:
    """One sentence for each thing of ``old`` that is gone from ``new``, or is something else there."""
    before, after = dict(_parts(old)), dict(_parts(new))
    return [
        f"{name} was {what} and is gone" if name not in after else f"{name} was {what} and is {after[name]}"
        for name, what in before.items()
        if after.get(name) != what
    ]


def _parts(files: FileDescriptorSet) -> Iterator[tuple[str, str]]:
    """(full name, what it is) of every message, field, enum, value and RPC; a field goes by its name and its number."""
    for file in files.file:
        for message in file.message_type:
            yield from _message(file.package, message)
        for enum in file.enum_type:
            yield from _enum(file.package, enum)
        yield from _rpcs(file)


def _message(scope: str, message: DescriptorProto) -> Iterator[tuple[str, str]]:
    name = f"{scope}.{message.name}"
    yield name, "a message"
    for field in message.field:
        yield f"{name}.{field.name}", f"number {field.number}"
        yield f"{name} field {field.number}", _field(message, field)
    for nested in message.nested_type:
        yield from _message(name, nested)
    for enum in message.enum_type:
        yield from _enum(name, enum)


def _field(message: DescriptorProto, field: FieldDescriptorProto) -> str:
    label = FieldDescriptorProto.Label.Name(field.label).removeprefix("LABEL_").lower()
    kind = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    choice = ""
    if field.HasField("oneof_index"):
        choice = f" in oneof {message.oneof_decl[field.oneof_index].name}"
    return f"{label} {kind} {field.type_name}".rstrip() + choice


def _enum(scope: str, enum: EnumDescriptorProto) -> Iterator[tuple[str, str]]:
    name = f"{scope}.{enum.name}"
    yield name, "an enum"
    for value in enum.value:
        yield f"{name}.{value.name}", f"number {value.number}"


def _rpcs(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    for service in file.service:
        name = f"{file.package}.{service.name}"
        yield name, "a service"
        for rpc in service.method:
            asks = "stream " * rpc.client_streaming + rpc.input_type
            gives = "stream " * rpc.server_streaming + rpc.output_type
            yield f"{name}.{rpc.name}", f"an RPC from {asks} to {gives}"


def main() -> None:
    """Writes the golden contracts; says what they break first."""
    if GOLDEN.is_file():
        for sentence in breaks(FileDescriptorSet.FromString(GOLDEN.read_bytes()), contracts()):
            sys.stderr.write(f"warning: older peers will not understand this: {sentence}\n")
    GOLDEN.write_bytes(contracts().SerializeToString(deterministic=True))
    sys.stdout.write(f"{GOLDEN}\n")


if __name__ == "__main__":
    main()
