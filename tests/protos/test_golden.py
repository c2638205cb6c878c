"""The wire stays compatible; and the check that says so does notice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

from protos import golden

ROOT = Path(__file__).resolve().parents[2]


def test_golden_contracts_still_hold() -> None:
    recorded = FileDescriptorSet.FromString(golden.GOLDEN.read_bytes())
    assert golden.breaks(recorded, golden.contracts()) == []


def test_golden_contracts_hold_all_of_todays() -> None:
    """Whoever adds to a contract records it, so that from then on it is kept: ``python -m protos.golden``."""
    recorded = FileDescriptorSet.FromString(golden.GOLDEN.read_bytes())
    assert golden.breaks(golden.contracts(), recorded) == []


def test_golden_names_every_contract() -> None:
    names = {Path(file.name).name for file in golden.contracts().file}
    assert names == {path.name for path in (ROOT / "protos").glob("*.proto")}
    assert len(names) >= 7


def test_golden_compiled_stubs_are_those_of_the_contracts(tmp_path: Path) -> None:
    protoc = pytest.importorskip("grpc_tools.protoc", reason="grpcio-tools is not installed")
    compiled = tmp_path / "set.binpb"
    sources = sorted(str(path) for path in (ROOT / "protos").glob("*.proto"))
    assert protoc.main(["protoc", f"-I{ROOT}", f"--descriptor_set_out={compiled}", *sources]) == 0
    fresh = FileDescriptorSet.FromString(compiled.read_bytes())
    assert golden.breaks(fresh, golden.contracts()) == golden.breaks(golden.contracts(), fresh) == [], (
        "run `make stubs`"
    )


def _file(files: FileDescriptorSet, name: str) -> FileDescriptorProto:
    return next(file for file in files.file if file.name == f"protos/{name}.proto")


def _message(files: FileDescriptorSet, name: str) -> DescriptorProto:
    return next(message for file in files.file for message in file.message_type if message.name == name)


def _field(files: FileDescriptorSet, message: str, name: str) -> FieldDescriptorProto:
    return next(field for field in _message(files, message).field if field.name == name)


def _remove_field(files: FileDescriptorSet) -> None:
    del _message(files, "Pick").field[1]


def _renumber_field(files: FileDescriptorSet) -> None:
    _field(files, "Pick", "reason").number = 9


def _swap_numbers(files: FileDescriptorSet) -> None:
    first, second = _field(files, "Artifact", "path"), _field(files, "Artifact", "sha256")
    first.number, second.number = second.number, first.number


def _retype_field(files: FileDescriptorSet) -> None:
    _field(files, "Pick", "item").type = FieldDescriptorProto.TYPE_INT64


def _retype_message_field(files: FileDescriptorSet) -> None:
    _field(files, "SelectRequest", "scores").type_name = ".activelabeler.v1.Items"


def _repeat_field(files: FileDescriptorSet) -> None:
    _field(files, "SelectRequest", "run").label = FieldDescriptorProto.LABEL_REPEATED


def _leave_oneof(files: FileDescriptorSet) -> None:
    _field(files, "NeighboursRequest", "vectors").ClearField("oneof_index")


def _rename_field(files: FileDescriptorSet) -> None:
    _field(files, "Generation", "num_trees").name = "trees"


def _remove_message(files: FileDescriptorSet) -> None:
    del _file(files, "index").message_type[0]


def _remove_value(files: FileDescriptorSet) -> None:
    del _file(files, "labeler").enum_type[0].value[3]


def _renumber_value(files: FileDescriptorSet) -> None:
    _file(files, "labeler").enum_type[0].value[1].number = 17


def _remove_enum(files: FileDescriptorSet) -> None:
    del _file(files, "labeler").enum_type[0]


def _remove_rpc(files: FileDescriptorSet) -> None:
    del _file(files, "trainer").service[0].method[1]


def _rename_rpc(files: FileDescriptorSet) -> None:
    _file(files, "trainer").service[0].method[1].name = "Rate"


def _retype_rpc(files: FileDescriptorSet) -> None:
    _file(files, "index").service[0].method[0].output_type = ".activelabeler.v1.Generation"


def _stream_rpc(files: FileDescriptorSet) -> None:
    _file(files, "index").service[0].method[0].server_streaming = True


def _remove_service(files: FileDescriptorSet) -> None:
    del _file(files, "control").service[0]


def _rename_package(files: FileDescriptorSet) -> None:
    _file(files, "sampler").package = "activelabeler.v2"


@pytest.mark.parametrize(
    "change",
    [
        _remove_field,
        _renumber_field,
        _swap_numbers,
        _retype_field,
        _retype_message_field,
        _repeat_field,
        _leave_oneof,
        _rename_field,
        _remove_message,
        _remove_value,
        _renumber_value,
        _remove_enum,
        _remove_rpc,
        _rename_rpc,
        _retype_rpc,
        _stream_rpc,
        _remove_service,
        _rename_package,
    ],
)
def test_golden_check_notices(change: Callable[[FileDescriptorSet], None]) -> None:
    changed = golden.contracts()
    change(changed)
    assert golden.breaks(golden.contracts(), changed)


def test_golden_check_notices_each_single_field() -> None:
    """Exhaustively: no field of any message can go, or get another number, unnoticed."""
    today = golden.contracts()
    for at, file in enumerate(today.file):
        for which, message in enumerate(file.message_type):
            for place in range(len(message.field)):
                gone, moved = golden.contracts(), golden.contracts()
                del gone.file[at].message_type[which].field[place]
                moved.file[at].message_type[which].field[place].number += 1000
                assert golden.breaks(today, gone), f"{message.name} without field {place}"
                assert golden.breaks(today, moved), f"{message.name} with field {place} renumbered"


def test_golden_check_lets_additions_pass() -> None:
    grown = golden.contracts()
    _message(grown, "Pick").field.add(
        name="why", number=99, type=FieldDescriptorProto.TYPE_STRING, label=FieldDescriptorProto.LABEL_OPTIONAL
    )
    _file(grown, "sampler").message_type.add(name="Brand")
    _file(grown, "sampler").service[0].method.add(
        name="Forget", input_type=".activelabeler.v1.Brand", output_type=".activelabeler.v1.Brand"
    )
    _file(grown, "labeler").enum_type[0].value.add(name="ANSWER_SKIPPED", number=5)
    assert golden.breaks(golden.contracts(), grown) == []


def test_golden_check_says_what_changed() -> None:
    changed = golden.contracts()
    _retype_field(changed)
    assert golden.breaks(golden.contracts(), changed) == [
        "activelabeler.v1.Pick field 1 was optional uint64 and is optional int64"
    ]


def test_golden_is_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(golden, "GOLDEN", tmp_path / "golden.binpb")
    older = golden.contracts()
    _message(older, "Pick").field.add(name="gone", number=99)
    golden.GOLDEN.write_bytes(older.SerializeToString())
    golden.main()
    assert FileDescriptorSet.FromString(golden.GOLDEN.read_bytes()) == golden.contracts()
    assert "Pick.gone was number 99 and is gone" in capsys.readouterr().err
