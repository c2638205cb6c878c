"""Where no encoder is named and the default cannot be had, whoever sits at the terminal is asked."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from services.common.encoders.files import save_encoder
from services.common.encoders.networks import build_network
from services.common.encoders.spec import EncoderSpec
from tests.support.command import ACTIVE_LABELER, environment
from tests.support.pictures import draw_data_set

RUN = ("run", "--data", "data", "--simulate", "ring", "--port", "0", "--seed-count", "6", "--sample-size", "2")
QUESTION = "or q to end:"


class Terminal:
    """A person at a terminal: reads what the command says, and types."""

    def __init__(self, place: Path, keys: int, process: subprocess.Popen[bytes], output: Path) -> None:
        self.place, self._keys, self.process, self._output = place, keys, process, output

    def read(self) -> str:
        return self._output.read_text()

    def until(self, words: str, times: int = 1) -> None:
        """Waits until the words were said so often."""
        end = time.monotonic() + 200
        while self.read().count(words) < times:
            assert time.monotonic() < end and self.process.poll() is None, self.read()
            time.sleep(0.2)

    def type(self, line: str) -> None:
        os.write(self._keys, f"{line}\n".encode())

    def end(self) -> int:
        return self.process.wait(200)


@contextmanager
def terminal(place: Path, *more: str) -> Iterator[Terminal]:
    """The command at a terminal of its own; the hub is away."""
    keys, stdin = pty.openpty()
    env = {**environment(), "HF_HUB_OFFLINE": "1", "HF_HOME": str(place / "cache")}
    with (place / "said.txt").open("wb") as output:
        process = subprocess.Popen(
            [*ACTIVE_LABELER, *RUN, *more], cwd=place, env=env, stdin=stdin, stdout=output, stderr=output
        )
    try:
        yield Terminal(place, keys, process, place / "said.txt")
    finally:
        process.kill()
        process.wait()
        os.close(keys)
        os.close(stdin)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    draw_data_set(tmp_path / "data", 6, 20, 24)
    torch.manual_seed(1)
    save_encoder(tmp_path / "mine.safetensors", build_network("minicnn16", 16), EncoderSpec("minicnn16", 16, 32))
    return tmp_path


@pytest.mark.slow
def test_a_file_is_asked_for_until_there_is_one(place: Path) -> None:
    with terminal(place) as person:
        person.until(QUESTION)
        assert "no encoder is named, and the default cannot be had" in person.read()
        for number, answer in enumerate(("", "yours.safetensors", "data"), start=2):
            person.type(answer)
            person.until(QUESTION, number)
        said = person.read()
        assert "that was nothing" in said and "yours.safetensors" in said
        person.type("mine.safetensors")
        person.until("Train the head [l]")
        assert "with minicnn16" in person.read()
        person.type("q")
        assert person.end() == 0, person.read()


@pytest.mark.slow
def test_pre_training_begins_and_may_be_stopped(place: Path) -> None:
    with terminal(place) as person:
        person.until(QUESTION)
        person.type("p")
        person.until("Pre-training ")
        person.until(" of 100: loss")
        person.process.send_signal(signal.SIGINT)
        assert person.end() == 130, person.read()
        said = person.read()
        assert (
            said.count(f"active-labeler pretrain --data {place / 'data'} --output {place / 'encoder.safetensors'}") == 2
        )
        assert "Traceback" not in said


@pytest.mark.slow
def test_who_wants_none_of_it_ends_and_who_takes_hog_goes_on(place: Path) -> None:
    with terminal(place) as person:
        person.until(QUESTION)
        person.type("q")
        assert person.end() == 2
        assert "error: no encoder is named, and none was chosen" in person.read()
    with terminal(place, "--auto") as person:
        assert person.end() == 2, "nobody is asked with --auto"
        assert QUESTION not in person.read()
    with terminal(place) as person:
        person.until(QUESTION)
        person.type("HOG")
        person.until("Train the head [l]")
        assert "with hog" in person.read()
