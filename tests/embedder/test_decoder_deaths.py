"""A process that decodes dies: its images are decoded all the same, and one is set aside only when no other cause is left."""

from __future__ import annotations

import os
import resource
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from protos.errors import UnavailableError
from services.common.encoders.spec import EncoderSpec
from services.embedder.decode_process import DecodeProcess
from tests.embedder.test_decoders import process, rows_of, same
from tests.support.embedder_place import write_images

__all__ = ["process"]  # a fixture
SPEC = EncoderSpec("minicnn8", 8, 32)
# Ends the process that reads a file with this mark at its end, as a defect of a decoder, the kernel or an operator would; the
# folder "deaths" gets a file for each, and "spared" says after how many it stops.
_FATAL = """
import hashlib, os, signal
from pathlib import Path
deaths, spared, mark, how = Path({deaths!r}), {spared}, {mark!r}, {how}
real = hashlib.sha256
def sha256(data=b""):
    if data.endswith(mark) and len(list(deaths.iterdir())) < spared:
        (deaths / str(os.getpid())).touch()
        os.kill(os.getpid(), how)
    return real(data)
hashlib.sha256 = sha256
"""
_END_OF_PNG = b"IEND\xaeB`\x82"  # of every picture, that of the control among them


def fatal(tmp_path: Path, patch: pytest.MonkeyPatch, how: int, mark: bytes = b"KILL", spared: int = 99) -> Path:
    """Makes images with the mark deadly; the folder in which there is a file for each death."""
    deaths, site = tmp_path / "deaths", tmp_path / "site"
    deaths.mkdir()
    site.mkdir()
    (site / "sitecustomize.py").write_text(_FATAL.format(deaths=str(deaths), spared=spared, mark=mark, how=int(how)))
    patch.syspath_prepend(site)
    return deaths


def marked(root: Path, name: str = "0004.png") -> Path:
    with (root / name).open("ab") as file:
        file.write(b"KILL")
    return root


def test_a_killed_process_is_replaced_and_its_images_are_decoded_all_the_same(
    process: DecodeProcess, tmp_path: Path
) -> None:
    root = write_images(tmp_path / "images", 10)
    rows = rows_of(root)
    calm = process.decode(root, rows, SPEC)
    for _ in range(3):
        assert process._process is not None
        os.kill(process._process.pid, signal.SIGKILL)
        assert same(process.decode(root, rows, SPEC), calm)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("how", [signal.SIGABRT, signal.SIGKILL])
def test_an_image_that_kills_decoders_is_set_aside_and_its_neighbours_are_not(
    process: DecodeProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals, alone: bool
) -> None:
    """A real crash, as a defect of a decoder would make one, or the kernel's end of what takes too much memory."""
    root = marked(write_images(tmp_path / "images", 10))
    deaths = fatal(tmp_path, monkeypatch, how)
    rows = rows_of(root)[4:5] if alone else rows_of(root)
    done = process.decode(root, rows, SPEC)
    (bad,) = (item for item in done if item.reason)
    assert (
        bad.reason == f"it ends each process that decodes it, 3 so far, the last with nothing else to do ({how.name})"
    )
    assert bad is done[0 if alone else 4]
    assert bad.pixels is None and bad.sha256 == bytes(32)
    assert len(list(deaths.iterdir())) == 3


@pytest.mark.parametrize("alone", [False, True])
def test_an_image_whose_decoder_was_killed_twice_from_outside_is_decoded(
    process: DecodeProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    root = marked(write_images(tmp_path / "images", 10))
    rows = rows_of(root)[4:5] if alone else rows_of(root)
    calm = process.decode(root, rows, SPEC)
    process._end()
    deaths = fatal(tmp_path, monkeypatch, signal.SIGKILL, spared=2)
    assert same(process.decode(root, rows, SPEC), calm)
    assert len(list(deaths.iterdir())) == 2


def test_where_all_decoders_are_killed_no_image_is_blamed(
    process: DecodeProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No picture survives here, a harmless one neither."""
    root = write_images(tmp_path / "images", 5)
    fatal(tmp_path, monkeypatch, signal.SIGKILL, mark=_END_OF_PNG)
    with pytest.raises(UnavailableError, match=r"are being killed \(SIGKILL\).*free memory.*DECODE_PROCESSES"):
        process.decode(root, rows_of(root), SPEC)


def test_a_signal_that_somebody_sends_is_no_image_s_doing(
    process: DecodeProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = marked(write_images(tmp_path / "images", 5))
    fatal(tmp_path, monkeypatch, signal.SIGTERM)
    with pytest.raises(UnavailableError, match=r"are being killed \(SIGTERM\)"):
        process.decode(root, rows_of(root), SPEC)


def test_memory_that_there_is_not_is_no_verdict_on_any_image(process: DecodeProcess, tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", 1)
    rows = rows_of(root)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    process.decode(root, rows, SPEC)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, hard))
    try:
        with pytest.raises(UnavailableError, match="no memory for"):
            process.decode(root, rows, replace(SPEC, image_size=1024))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert not process.decode(root, rows, replace(SPEC, image_size=1024))[0].reason


@pytest.mark.parametrize("program", ["/bin/false", "/gone/python"])
def test_a_process_that_does_not_start_is_no_verdict_on_any_image(
    process: DecodeProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """Blocks are written once: images that were set aside by mistake would stay so in every run."""
    root = write_images(tmp_path / "images", 3)
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", program)
        for rows in (rows_of(root), rows_of(root)[:1]):
            with pytest.raises(UnavailableError, match="no process that decodes images can be started"):
                process.decode(root, rows, SPEC)
    assert not [done.reason for done in process.decode(root, rows_of(root), SPEC) if done.reason]
