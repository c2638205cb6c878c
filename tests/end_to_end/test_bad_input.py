"""What people give by mistake: one sentence that names the value and the remedy, an exit code, nothing lost."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from protos.errors import NotFoundError
from tests.support.command import ACTIVE_LABELER, HOG, environment, label_rows, run_command, services_of, still_alive
from tests.support.pictures import draw_data_set, picture
from tests.support.reference_encoders import build, foreign_packages, lightning, save

Arguments = list[str | Path]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``data``, ``reference.png`` and ``encoder.ckpt`` (32 outputs)."""
    folder = tmp_path_factory.mktemp("bad")
    draw_data_set(folder / "data", positives=5, negatives=20)
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    with foreign_packages():
        save(folder / "encoder.ckpt", lightning(build("minicnn32"), 32))
    return folder


def _missing_data(place: Path) -> tuple[Arguments, list[str]]:
    return ["--data", place / "nowhere"], ["nowhere", "does not exist"]


def _empty_data(place: Path) -> tuple[Arguments, list[str]]:
    (place / "empty").mkdir(exist_ok=True)
    return ["--data", place / "empty"], ["no image", "empty"]


def _output_that_cannot_be(place: Path) -> tuple[Arguments, list[str]]:
    return ["--output", "/proc/results"], ["/proc/results", "cannot be written", "choose another place"]


def _runtime_that_cannot_be(place: Path) -> tuple[Arguments, list[str]]:
    return ["--runtime", "/proc/runtime"], ["/proc/runtime", "cannot be written", "choose another place"]


def _no_checkpoint(place: Path) -> tuple[Arguments, list[str]]:
    (place / "text.ckpt").write_text("this is no checkpoint")
    return ["--encoder", place / "text.ckpt"], ["text.ckpt"]


def _absent_checkpoint(place: Path) -> tuple[Arguments, list[str]]:
    return ["--encoder", place / "gone.ckpt"], ["gone.ckpt", "does not exist"]


def _other_embedding_size(place: Path) -> tuple[Arguments, list[str]]:
    return ["--encoder", place / "encoder.ckpt", "--set", "encoder.dim=512"], ["32", "512"]


def _unknown_strategy(place: Path) -> tuple[Arguments, list[str]]:
    return ["--strategy", "uncertain"], ["'uncertain'", "uncertainty"]


def _sample_larger_than_pool(place: Path) -> tuple[Arguments, list[str]]:
    return ["--sample-size", "26"], ["26", "25 images"]


def _absent_seed_images(place: Path) -> tuple[Arguments, list[str]]:
    for side in ("positive", "negative"):
        (place / "seed" / side).mkdir(parents=True, exist_ok=True)
        (place / "seed" / side / f"absent_{side}.png").write_bytes(b"")
    return ["--seed-folder", place / "seed", "--set", "seed_set.mode=folder"], [
        "absent_positive.png",
        "not in the data",
    ]


def _class_that_matches_nothing(place: Path) -> tuple[Arguments, list[str]]:
    return ["--simulate", "zebra"], ["'zebra'", "25 file names"]


def _reference_that_is_no_image(place: Path) -> tuple[Arguments, list[str]]:
    (place / "notes.png").write_text("not a picture")
    return ["--reference", place / "notes.png"], ["notes.png"]


def _absent_reference(place: Path) -> tuple[Arguments, list[str]]:
    return ["--reference", place / "gone.png"], ["gone.png", "does not exist"]


def _broken_yaml(place: Path) -> tuple[Arguments, list[str]]:
    (place / "broken.yaml").write_text("data: [1, 2\nseed: 3\n")
    return ["--config", place / "broken.yaml"], ["broken.yaml", "line"]


def _unknown_setting(place: Path) -> tuple[Arguments, list[str]]:
    return ["--set", "sampling.sise=3"], ["sampling.sise", "sampling.size"]


def _unknown_option(place: Path) -> tuple[Arguments, list[str]]:
    return ["--stratgy", "random"], ["--stratgy", "see `active-labeler run --help`"]


def _set_without_value(place: Path) -> tuple[Arguments, list[str]]:
    return ["--set", "seed"], ["name=value"]


def _unknown_endpoint(place: Path) -> tuple[Arguments, list[str]]:
    return ["--endpoints", "embeder=localhost:1"], ["embeder", "embedder"]


CASES = [
    _missing_data,
    _empty_data,
    _no_checkpoint,
    _absent_checkpoint,
    _other_embedding_size,
    _unknown_strategy,
    _sample_larger_than_pool,
    _absent_seed_images,
    _class_that_matches_nothing,
    _reference_that_is_no_image,
    _absent_reference,
    _broken_yaml,
    _unknown_setting,
    _unknown_option,
    _set_without_value,
    _unknown_endpoint,
    _output_that_cannot_be,
    _runtime_that_cannot_be,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__.strip("_"))
def test_one_sentence_and_an_exit_code(
    place: Path, tmp_path: Path, case: Callable[[Path], tuple[Arguments, list[str]]]
) -> None:
    arguments, words = case(place)
    defaults: Arguments = ["--data", place / "data", "--reference", place / "reference.png", "--simulate", "ring"]
    given = {str(argument) for argument in arguments}
    for name, value in zip(defaults[::2], defaults[1::2], strict=True):
        if name not in given:
            arguments = [*arguments, name, value]
    done = run_command("run", *HOG, "--auto", "--port", "0", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    for word in words:
        assert word in done.stderr
    assert not (tmp_path / "runtime" / "run.json").exists()  # the folder is free for another try


def test_a_taken_port_names_it(place: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        arguments = ["--data", place / "data", "--reference", place / "reference.png", "--port", port, "--auto"]
        done = run_command("run", *HOG, *arguments, cwd=tmp_path)
    assert done.returncode == 4, done.stderr
    assert port in done.stderr
    assert "Traceback" not in done.stderr


def test_the_end_of_standard_input_can_be_resumed_and_lost_artifacts_are_made_again_as_it_is_told(
    place: Path, tmp_path: Path
) -> None:
    arguments = ["--data", place / "data", "--reference", place / "reference.png", "--port", "0", "--simulate", "ring"]
    arguments += ["--sample-size", "5"]
    ended = run_command("run", *HOG, *arguments, cwd=tmp_path, typed="10\n0\nl\n")
    assert ended.returncode == 2
    assert "resume" in ended.stderr
    shutil.rmtree(tmp_path / "runtime" / "artifacts")
    lost = run_command("resume", "runtime", cwd=tmp_path, typed="q\n")
    assert lost.returncode == NotFoundError.exit_code, lost.stderr
    assert "delete journal.jsonl in the runtime folder of the run and resume" in " ".join(lost.stderr.split())
    (tmp_path / "runtime" / "journal.jsonl").unlink()
    before = label_rows(tmp_path / "runtime")
    done = run_command("resume", "runtime", cwd=tmp_path, typed="10\n0\nq\n")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "final_model.ckpt").exists()
    assert len(before) >= 10 and set(before) <= set(label_rows(tmp_path / "runtime"))


def test_sigterm_stops_a_run_in_the_background(place: Path, tmp_path: Path) -> None:
    """A script starts its background jobs with SIGINT ignored; SIGTERM must end them all the same."""
    arguments = ["run", *HOG, "--data", place / "data", "--port", "0", "--set", "seed_set.count=5"]
    command = ["bash", "-c", 'trap "" INT; exec "$@"', "bash", *ACTIVE_LABELER, *map(str, arguments)]
    with (tmp_path / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=output, stderr=output)
    end = time.monotonic() + 120
    while "wait for you at" not in (tmp_path / "output.txt").read_text() and time.monotonic() < end:
        time.sleep(0.1)
    services = list(services_of(process.pid).values())
    assert len(services) == 5
    process.terminate()
    assert process.wait(60) == 130
    assert not still_alive(services)
    assert "active-labeler resume" in (tmp_path / "output.txt").read_text()


def test_status_and_resume_where_there_is_no_run(tmp_path: Path) -> None:
    for command in ("status", "resume"):
        done = run_command(command, "runtime", cwd=tmp_path)
        assert done.returncode == 2
        assert "there is no run in" in done.stderr


def test_an_output_folder_is_one_run_s_until_that_ends(place: Path, tmp_path: Path) -> None:
    arguments = ["--data", place / "data", "--reference", place / "reference.png", "--port", "0", "--simulate", "ring"]
    arguments += ["--sample-size", "5"]
    first = run_command("run", *HOG, *arguments, cwd=tmp_path, typed="10\n0\n")
    assert "resume" in first.stderr
    second = run_command("run", *HOG, *arguments, "--runtime", "second", cwd=tmp_path)
    assert second.returncode == 4, second.stderr
    assert f"the output folder {tmp_path} is in use by the run " in second.stderr
    assert f"in {tmp_path / 'runtime'}, which is not finished" in second.stderr
    assert "give another folder with --output" in second.stderr
    assert not (tmp_path / "second").exists()
    exported = run_command("export", "runtime", "--output", ".", cwd=tmp_path)
    assert exported.returncode == 0, exported.stderr  # its own folder
    done = run_command("resume", "runtime", cwd=tmp_path, typed="q\n")
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.glob(".active-labeler-run*"))
    late = run_command("run", *HOG, *arguments, "--runtime", "second", cwd=tmp_path)
    assert "final_dataset is the result of another run" in late.stderr
