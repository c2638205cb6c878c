"""People label through the published port while workers and services die: the run ends as a calm one without containers."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from benchmarks.archives import unpack
from tests.conftest import REPOSITORY
from tests.deployment.conftest import Stack
from tests.support.annotator import Annotator
from tests.support.command import label_rows, run_command

pytestmark = [pytest.mark.compose, pytest.mark.timeout(2400)]

CLASS = "automobile"
LOOP = ("--auto", "--rounds", "3", "--sample-size", "20", "--seed-count", "20", "--set", "encoder.image_size=32")
# The back end, too: where OpenVINO is installed beside the tests, the calm run would take it, and the containers have it not.
SAME = ("--set", "labeling.second_opinions=0", "--set", "seed=5", "--set", "encoder.backend=torch")
ANSWERS = 20 + 3 * 20


@pytest.fixture(scope="module")
def images(stack: Stack, shared_data: Path) -> str:
    """10,000 real images below the data folder of the stack; its path in the containers."""
    folder = stack.folder / "data" / "cifar"
    folder.mkdir()
    unpack(shared_data / "cifar10-test.tar.gz", folder)
    return "/data/cifar"


def _arguments(data: str, config: str, results: str) -> list[str]:
    places = ["--data", data, "--reference", f"{config}/reference.png", "--encoder", f"{config}/SIMCLR_digits.ckpt"]
    return ["run", *places, "--runtime", f"{results}/runtime", "--output", results, *LOOP, *SAME]


def test_a_run_labelled_by_people_through_faults_ends_as_the_calm_one(
    stack: Stack, images: str, tmp_path: Path
) -> None:
    scaled = stack.compose("up", "--detach", "--wait", "--no-recreate", "--scale", "embedder=3")
    assert scaled.returncode == 0, scaled.stderr
    assert len(_addresses(stack, "embedder")) == 3
    token = stack.token("annotator")
    results = stack.folder / "results" / "people"
    wish = [*_arguments(images, "/config", "/results/people"), "--set", f"labeling.pos_class={CLASS}"]
    with _in_background(stack, *wish) as process:
        run = _new_run(stack, token, results)
        stack.compose("exec", "-T", "--index", "2", "embedder", "python", "-c", "import os; os.kill(-1, 9)")
        with _people(stack, token, run, "ann", "bob") as answers:
            _until(lambda: answers() >= 10)
            assert stack.compose("restart", "index").returncode == 0
            _until(lambda: answers() >= 40)
            saved = stack.run("backup", "people/runtime", "people.tar")  # while the run is at work
            assert saved.returncode == 0, saved.stdout + saved.stderr
            assert stack.compose("restart", "labeler").returncode == 0
            said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    assert all(_embedded(stack, number) > 0 for number in (1, 3)), "each that lived had its part"

    calm = run_command(
        *_arguments(str(stack.folder / "data" / "cifar"), str(stack.folder / "config"), str(tmp_path)),
        *("--simulate", CLASS, "--port", "0"),
        cwd=tmp_path,
    )
    assert calm.returncode == 0, calm.stdout + calm.stderr
    rows = stack.label_rows(run)
    assert len(rows) == ANSWERS
    assert rows == label_rows(tmp_path / "runtime")
    assert _curated(results / "runtime") == _curated(tmp_path / "runtime")

    there_already = stack.run("restore", "people.tar", "--runtime", "other")
    assert "with other contents" in there_already.stderr, there_already.stdout + there_already.stderr
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    restored = run_command("restore", stack.folder / "results" / "people.tar", cwd=elsewhere)
    assert restored.returncode == 0, restored.stderr
    then = label_rows(elsewhere / "runtime")
    assert 40 <= len(then) <= len(rows)
    assert set(then) <= set(rows)


def _addresses(stack: Stack, name: str) -> set[str]:
    """All that the stack's DNS says for a service."""
    asks = f"import socket; print(*socket.gethostbyname_ex({name!r})[2])"
    return set(stack.compose("exec", "-T", "orchestrator", "python", "-c", asks).stdout.split())


def _embedded(stack: Stack, number: int) -> float:
    """How many images a replica has embedded since it was started, as it tells Prometheus."""
    asks = "import urllib.request as u; print(u.urlopen('http://localhost:9464/metrics').read().decode())"
    told = stack.compose("exec", "-T", "--index", str(number), "embedder", "python", "-c", asks)
    return sum(
        float(found)
        for found in re.findall(r"^active_labeler_images_embedded_total\S* (\S+)$", told.stdout, re.MULTILINE)
    )


@contextmanager
def _in_background(stack: Stack, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``active-labeler ARGUMENTS`` in the orchestrator's container; ended with the block."""
    command = ["docker", "compose", "exec", "-T", "orchestrator", "active-labeler", *arguments]
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=stack.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _new_run(stack: Stack, token: str, results: Path) -> str:
    """The name of the run, once its page knows it: it embeds then."""
    about = results / "runtime" / "run.json"
    headers = {"Authorization": f"Bearer {token}"}
    name = ""

    def known() -> bool:
        nonlocal name
        if not about.is_file():
            return False
        name = str(json.loads(about.read_text())["run"])
        runs = httpx.get(f"{stack.url}api/runs", headers=headers, timeout=20).raise_for_status().json()["runs"]
        return name in [one["run"] for one in runs]

    _until(known, every_s=0.1)
    return name


@contextmanager
def _people(stack: Stack, token: str, run: str, *names: str) -> Iterator[Callable[[], int]]:
    """Annotators at work in threads; yields how many answers they have given. What has not arrived is sent again."""
    over = threading.Event()
    people = [Annotator(stack.url, name, CLASS, token) for name in names]
    failures: list[BaseException] = []

    def work(person: Annotator) -> None:
        while not over.is_set():
            try:
                if person.waiting:
                    person.sync()
                elif not person.answer():
                    time.sleep(0.2)
            except (httpx.TransportError, httpx.HTTPStatusError):
                time.sleep(0.5)
            except BaseException as error:
                failures.append(error)
                raise

    threads = [threading.Thread(target=work, args=(person,)) for person in people]
    for person in people:
        person.run = run
    for thread in threads:
        thread.start()
    try:
        yield lambda: sum(len(person.said) for person in people)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failures == []


def _until(true: Callable[[], bool], seconds: float = 300, every_s: float = 0.3) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it has taken too long"
        time.sleep(every_s)


def _curated(runtime: Path) -> list[tuple[str, str, str]]:
    with (runtime / "final_dataset.csv").open() as file:
        return sorted((row["path"], row["side"], row["source"]) for row in csv.DictReader(file))
