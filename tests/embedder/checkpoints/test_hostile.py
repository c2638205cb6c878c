"""Files that mean harm, and files that are something else: nothing in them runs, and each is one sentence."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from protos.errors import ActiveLabelerError, InvalidInputError
from services.embedder.checkpoints.archives import read_archive
from services.embedder.checkpoints.modules import named_tensors
from services.embedder.checkpoints.pickles import Global, Node, PickleError, read_pickle
from services.embedder.checkpoints.recognise import read_weights, recognise
from tests.support import reference_encoders as reference
from tests.support.embedder_place import Place


class Reduced:
    """Pickles as a call of ``function`` with ``args``."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


def _canaries(canary: Path) -> dict[str, Any]:
    command = f"touch {canary}"
    code = f"open({str(canary)!r}, 'w').close()"
    return {
        "system": Reduced(os.system, command),
        "eval": Reduced(builtins.eval, code),
        "exec": Reduced(builtins.exec, code),
        "nested": Reduced(builtins.getattr, Reduced(os.system, command), "x"),
        "instantiator": {"_instantiator": Reduced(os.system, command), "_class_path": "os.system"},
    }


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", ["system", "eval", "exec", "nested", "instantiator"])
def test_nothing_in_a_checkpoint_runs(place: Place, tmp_path: Path, kind: str, zipped: bool) -> None:
    canary = tmp_path / "canary"
    content = reference.lightning(reference.build("minicnn24"), 24)
    content["hyper_parameters"] = {"encoder": _canaries(canary)[kind], "_instantiator": "os.system"}
    content["first"] = _canaries(canary)[kind]
    with reference.foreign_packages():
        reference.save(tmp_path / "x.ckpt", content, zipped)
    assert place.import_file(tmp_path / "x.ckpt").encoder.architecture == "minicnn24"
    assert not canary.exists()


def test_the_canary_would_sing(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    pickle.loads(pickle.dumps(_canaries(canary)["system"]))
    assert canary.exists()


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_is_read_as_data(protocol: int) -> None:
    value = {
        "a": [1, -5, 2**70, 1.5, None, True, b"bytes", "é"],
        "t": (1, (2,), (3, 4), (5, 6, 7), (8, 9, 10, 11)),
        "e": (),
    }
    assert read_pickle(io.BytesIO(pickle.dumps(value, protocol))) == value or protocol < 3
    node = read_pickle(io.BytesIO(pickle.dumps(Reduced(os.system, "x"), protocol)))
    assert isinstance(node, Node) and node.made_by == Global(os.system.__module__, "system") and node.args == ("x",)


def test_values_that_refer_to_themselves_and_keys_that_cannot_be_hashed_end() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert isinstance(read_pickle(io.BytesIO(pickle.dumps(loop, 2))), list)
    # A key of 60 nested pairs: its hash would take 2**60 steps.
    assert read_pickle(io.BytesIO(b"\x80\x02}q\x00" + _tuples(60) + b"K\x01s.")) == {}
    assert named_tensors({"a": loop, "b": {"c": loop}}) == {}


def _tuples(depth: int) -> bytes:
    return b")" + b"".join(b"2\x86" for _ in range(depth))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x02",
        b"\x80\x02.",
        b"\x80\x02K",
        b"\x80\x02h\x05.",
        b"\x80\x02t.",
        b"\x80\x02R.",
        b"\xff\xff",
        b"\x80\x02]q\xff",
    ],
)
def test_bytes_that_are_no_pickle_are_refused(data: bytes) -> None:
    with pytest.raises(PickleError):
        read_pickle(io.BytesIO(data))


def test_a_memo_index_of_four_billion_takes_no_memory() -> None:
    assert read_pickle(io.BytesIO(b"\x80\x02Nr\xff\xff\xff\xffj\xff\xff\xff\xff.")) is None


def _zip(path: Path, parts: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _cut(path: Path, zipped: bool, size: float) -> Path:
    reference.save(path, reference.build("minicnn24").state_dict(), zipped)
    return _write(path, path.read_bytes()[: int(path.stat().st_size * size)])


FILES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "empty": (lambda p: _write(p, b""), "no PyTorch checkpoint"),
    "text": (lambda p: _write(p, b"hello, world"), "no PyTorch checkpoint.*hello"),
    "jpeg": (lambda p: _write(p, b"\xff\xd8\xff\xe0" + bytes(100)), "no PyTorch checkpoint"),
    "html page": (lambda p: _write(p, b"<!DOCTYPE html>"), "no PyTorch checkpoint"),
    "other pickle": (lambda p: _write(p, pickle.dumps({"a": 1})), "none that torch.save wrote"),
    "other zip": (lambda p: _zip(p, {"word/document.xml": b"x"}), r"zip archive of something else.*word/document\.xml"),
    "bomb": (lambda p: _zip(p, {"a/data.pkl": bytes(10**7)}, zipfile.ZIP_DEFLATED), "compressed"),
    "two pickles": (lambda p: _zip(p, {"a/data.pkl": b"N.", "b/data.pkl": b"N."}), "something else"),
    "script": (lambda p: _zip(p, {"a/data.pkl": b"N.", "a/constants.pkl": b"N."}), "TorchScript"),
    "bad pickle": (lambda p: _zip(p, {"a/data.pkl": b"\x80\x02("}), "damaged pickle"),
    "nothing": (lambda p: _zip(p, {"a/data.pkl": b"N."}), "no tensors"),
    "cut zip": (lambda p: _cut(p, True, 0.5), "truncated or damaged"),
    "cut legacy": (lambda p: _cut(p, False, 0.5), "truncated"),
    "cut legacy pickle": (lambda p: _cut(p, False, 0.002), "damaged pickle"),
    "cut safetensors": (lambda p: _write(p, struct.pack("<Q", 1000) + b'{"a": 1'), "no encoder file"),
    "foreign safetensors": (lambda p: _write(p, struct.pack("<Q", 2) + b"{}"), "but no encoder"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_checkpoint_is_one_sentence(place: Place, tmp_path: Path, name: str) -> None:
    make, reason = FILES[name]
    path = make(tmp_path / "mine.ckpt")
    with pytest.raises(ActiveLabelerError, match=rf"the checkpoint mine\.ckpt cannot be used: .*{reason}") as caught:
        place.import_file(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700


def _state(**changes: Any) -> dict[str, Any]:
    state = dict(reference.build("minicnn24").state_dict())
    state.update({name.replace("__", "."): value for name, value in changes.items()})
    return {name: value for name, value in state.items() if value is not None}


CONTENTS: dict[str, tuple[Callable[[], Any], str]] = {
    "missing": (lambda: _state(conv2__bias=None), "look like minicnn24, but conv2.bias is missing"),
    "shape": (lambda: _state(conv2__bias=torch.zeros(5)), r"conv2.bias has the shape \[5\] where \[32\] is expected"),
    "more": (lambda: _state(conv2__extra=torch.zeros(5)), "it has conv2.extra, too"),
    "nan": (lambda: _state(conv2__bias=torch.full((32,), float("nan"))), "not all finite"),
    "integers": (
        lambda: _state(conv2__bias=torch.zeros(32, dtype=torch.complex64)),
        "ComplexFloatStorage are not read",
    ),
    "others": (lambda: {"a": torch.zeros(2, 3), "b": {"c": torch.zeros(4)}}, r"it holds a \[2, 3\], b.c \[4\]"),
    "many": (lambda: {f"w{n}": torch.zeros(1) for n in range(20)}, "and 14 more"),
    "tensor": (lambda: torch.zeros(3), r"it holds .*\[3\]"),
    "resnet101": (lambda: reference.build("resnet101").state_dict(), "look like resnet50, but it has layer3.6"),
    "small stem": (
        lambda: {**reference.build("resnet18").state_dict(), "conv1.weight": torch.zeros(64, 3, 3, 3)},
        r"conv1.weight has the shape \[64, 3, 3, 3\] where \[64, 3, 7, 7\]",
    ),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_checkpoint_that_is_not_understood_says_what_was_seen(tmp_path: Path, name: str) -> None:
    make, reason = CONTENTS[name]
    path = reference.save(tmp_path / "x.ckpt", make())
    with pytest.raises(InvalidInputError, match=reason):
        read_weights(recognise(named_tensors(read_archive(path))))


def test_a_tensor_larger_than_its_numbers_takes_no_memory(tmp_path: Path) -> None:
    state = _state(fc1__weight=torch.zeros(1, 1).expand(1 << 20, 1024), fc1__bias=torch.zeros(1).expand(1 << 20))
    path = reference.save(tmp_path / "x.ckpt", state)
    with pytest.raises(InvalidInputError, match="only 1 numbers in the file"):
        read_weights(recognise(named_tensors(read_archive(path))))


def test_flipped_bytes_never_end_in_anything_but_a_sentence(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    for zipped in (True, False):
        good = reference.save(tmp_path / "good.ckpt", reference.lightning_plain(24), zipped).read_bytes()
        for _ in range(60):
            data = bytearray(good)
            for place in torch.randint(min(len(data), 6000), (6,), generator=generator).tolist():
                data[place] ^= 1 << int(torch.randint(8, (1,), generator=generator))
            try:
                read_weights(recognise(named_tensors(read_archive(_write(tmp_path / "x.ckpt", bytes(data))))))
            except ActiveLabelerError as error:
                assert str(error)
