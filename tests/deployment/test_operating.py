"""What an operator does with the stack: starts a run, watches it, finishes it from the page, asks where it stands, moves it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.conftest import REPOSITORY
from tests.deployment.conftest import PROJECT, Stack, settings_of
from tests.support.annotator import Annotator

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1200)]

HOG = ("--set", "encoder.builtin=hog", "--reference", "/config/reference.png", "--data", "/data/Unlabeled")
SOON = ("--sample-size", "10", "--seed-count", "10", "--rounds", "2")
IN_A_ROUND = {"orchestrator", "trainer", "sampler", "index", "labeler"}


def _until(true: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it has taken too long"
        time.sleep(0.3)


def _places(name: str) -> tuple[str, ...]:
    return ("--runtime", f"/results/{name}/runtime", "--output", f"/results/{name}")


def _answer(web: httpx.Client, run: str, begins: str, answer: str) -> None:
    """Answers a question of the loop, once it is asked."""
    question: dict[str, Any] = {}

    def asked() -> bool:
        nonlocal question
        reply = web.get(f"api/runs/{run}/loop")
        question = (reply.json()["question"] or {}) if reply.status_code == 200 else {}
        return str(question.get("id", "")).startswith(begins)

    _until(asked)
    body = {"question": question["id"], "answer": answer}
    assert web.post(f"api/runs/{run}/loop", json=body).raise_for_status().json()["accepted"]


@pytest.fixture(scope="module")
def finished(stack: Stack) -> str:
    """A run that was started in a container, and labelled, watched and finished from the page alone; its name."""
    begun = stack.compose("exec", "-d", "orchestrator", "active-labeler", "run", *HOG, *_places("asked"), *SOON[:2])
    assert begun.returncode == 0, begun.stderr
    about = stack.folder / "results" / "asked" / "runtime" / "run.json"
    _until(about.is_file)
    run = str(json.loads(about.read_text())["run"])
    token = stack.token("admin")
    headers = {"Authorization": f"Bearer {token}", "Origin": stack.url.rstrip("/")}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=20) as web:
        _until(lambda: run in [one["run"] for one in web.get("api/runs").json()["runs"]])
        _answer(web, run, "seed-0/count", "10")
        ann = Annotator(stack.url, "ann", "three", token)
        ann.run = run
        _until(lambda: ann.answer() and len(ann.said) >= 10)
        _answer(web, run, "seed-1/count", "0")
        _answer(web, run, "round-1/choice", "q")
        _until(lambda: web.get(f"api/runs/{run}/loop").json()["state"] == "finished")
    return run


def test_a_run_is_finished_from_the_page(stack: Stack, finished: str) -> None:
    assert len(stack.label_rows(finished)) == 10
    told = stack.compose("run", "--rm", "-T", "orchestrator", "active-labeler", "status", "/results/asked/runtime")
    assert told.returncode == 0, told.stderr
    assert f"Run {finished}" in told.stdout
    assert "finished" in told.stdout
    again = stack.run("link", "/results/asked/runtime")
    assert "/join#" in again.stdout, "the page of a deployment is there after a run"


def test_a_run_is_started_from_the_page(stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {stack.token('admin')}", "Origin": stack.url.rstrip("/")}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=20) as web:
        prepared = web.get("api/prepared").raise_for_status().json()
        hog = next(thing["number"] for thing in prepared["encoder"] if thing["name"].startswith("hog"))
        wanted = {"data": prepared["data"][0]["number"], "encoder": hog, "name": "Begun here", "question": "A three?"}
        run = web.post("api/start", json=wanted).raise_for_status().json()["run"]
        _until(lambda: web.get(f"api/runs/{run}/course").json()["state"] == "asking")
        _answer(web, run, "seed-0/count", "10")
        _until(lambda: web.get(f"api/runs/{run}/course").json()["state"] == "labeling")
        assert run in [one["run"] for one in web.get("api/runs").json()["runs"]]
        web.post(f"api/runs/{run}/stop", json={}).raise_for_status()
    assert (stack.folder / "results" / "begun-here" / "runtime" / "run.json").is_file()


def test_a_folder_that_cannot_be_written_is_told_at_the_start(stack: Stack) -> None:
    elsewhere = ("--env", "ACTIVE_LABELER_PREPARED__RESULTS=/opt", "--env", "ACTIVE_LABELER_METRICS=")
    told = stack.compose("run", "--rm", "-T", *elsewhere, "orchestrator", "timeout", "5", "active-labeler", "serve")
    said = told.stdout + told.stderr
    assert "no run can be kept in /opt: user 1234:1234 must be able to write there" in said
    assert "no run can be kept in /results" not in said


def test_what_is_exported_belongs_to_the_operator(stack: Stack, finished: str) -> None:
    results = stack.folder / "results" / "asked"
    made = [results, *results.rglob("*")]
    assert len([path for path in made if path.is_file()]) > 300
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in made} == {(1234, 1234)}


@pytest.mark.parametrize(("mode", "files"), [("hardlink", 300), ("list", 0)])
def test_images_that_can_only_be_read_are_copied_or_listed(stack: Stack, finished: str, mode: str, files: int) -> None:
    target = f"/results/as-{mode}"
    done = stack.run("export", "/results/asked/runtime", "--output", target, "--mode", mode)
    assert done.returncode == 0, done.stdout + done.stderr
    sides = stack.folder / "results" / f"as-{mode}" / "final_dataset"
    copies = list(sides.rglob("*.png"))
    assert len(copies) == files
    assert all(path.is_file() and not path.is_symlink() and path.stat().st_nlink == 1 for path in copies)


def test_a_run_moves_to_another_host_by_one_command_each(stack: Stack, finished: str) -> None:
    """The other host: another stack, with volumes of its own, and the file of the backup."""
    saved = stack.run("backup", "/results/asked/runtime", "moving.tar")
    assert saved.returncode == 0, saved.stdout + saved.stderr
    own = settings_of(stack.folder, f"{PROJECT}-2")
    other = replace(stack, environment={**os.environ, **own}, url=f"http://127.0.0.1:{own['ACTIVE_LABELER_WEB_PORT']}/")
    try:
        started = other.compose("up", "--detach", "--wait", "--no-build", "orchestrator", "labeler")
        assert started.returncode == 0, started.stderr
        moved = other.run("restore", "moving.tar", "--runtime", "/results/moved/runtime", "--output", "/results/moved")
        assert moved.returncode == 0, moved.stdout + moved.stderr
        assert other.label_rows(finished) == stack.label_rows(finished)
        assert f"Run {finished}" in other.run("status", "/results/moved/runtime").stdout
    finally:
        other.compose("down", "--volumes", "--timeout", "15")


@pytest.fixture
def collector(stack: Stack) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """A collector of traces in a container beside the stack; yields what gives its spans."""
    if not stack.has_extra("otel"):
        pytest.skip("the images have not the extra otel: make test-compose EXTRAS=otel")
    name, network = f"{PROJECT}-collector", f"{PROJECT}_inside"
    program = REPOSITORY / "tests" / "support" / "collector.py"
    mount = ("--volume", f"{program}:/collector.py:ro", "--network", network, "--network-alias", "collector")
    command = [
        "docker",
        "run",
        "--detach",
        "--name",
        name,
        *mount,
        stack.image("sampler"),
        "python",
        "/collector.py",
    ]
    subprocess.run(command, check=True, capture_output=True)

    def spans() -> list[dict[str, Any]]:
        said = subprocess.run(["docker", "logs", name], check=True, capture_output=True, text=True).stdout
        return [json.loads(line) for line in said.splitlines()]

    yield spans
    subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)


def test_each_round_in_the_stack_is_one_trace(stack: Stack, collector: Callable[[], list[dict[str, Any]]]) -> None:
    simulated = ("--simulate", "three", "--auto", "--set", "sampling.neighbours=true")
    done = stack.run("run", *HOG, *_places("traced"), *SOON, *simulated)
    assert done.returncode == 0, done.stdout + done.stderr
    run = json.loads((stack.folder / "results" / "traced" / "runtime" / "run.json").read_text())["run"]
    _until(lambda: any(span["name"] == "finish" and span["facts"].get("run") == run for span in collector()))
    spans = [span for span in collector() if span["facts"].get("run") == run]
    rounds = [span for span in spans if span["name"] == "round"]
    assert sorted(span["facts"]["round"] for span in rounds) == [1, 2]
    for root in rounds:
        assert {span["process"] for span in spans if span["trace"] == root["trace"]} >= IN_A_ROUND
